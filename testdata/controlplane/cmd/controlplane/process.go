package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// start runs a program in a session of its own, so that neither ^C nor the end of a terminal reaches it.
// Its output goes to home/NAME.log.
func (c *cluster) start(name string, args ...string) error {
	log, err := os.Create(c.path(name + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(c.state.Bin, name), args...)
	cmd.Dir = c.home
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	c.state.Pids[name] = cmd.Process.Pid
	if err := c.save(); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	// The child outlives this program; while this program lives, its end is collected here.
	ended := make(chan struct{})
	c.ended[name] = ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return nil
}

// running reports whether the program still runs: its pid is alive and is that program with this home,
// not another process that was given the number since.
func (c *cluster) running(name string) bool {
	if ended, ours := c.ended[name]; ours {
		select {
		case <-ended:
			return false
		default:
			return true
		}
	}
	pid := c.state.Pids[name]
	if pid <= 0 {
		return false
	}
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil { // no /proc on this system
		args, err = exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	}
	return err == nil && bytes.Contains(args, []byte(name)) && bytes.Contains(args, []byte(c.home))
}

// stopWait is how long a program may take to end before it is killed.
const stopWait = 10 * time.Second

// stop ends a program and reports whether it ran.
func (c *cluster) stop(ctx context.Context, name string) (bool, error) {
	if !c.running(name) {
		delete(c.state.Pids, name)
		return false, c.save()
	}
	pid := c.state.Pids[name]
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return true, fmt.Errorf("stopping %s (pid %d): %w", name, pid, err)
	}
	err := poll(ctx, stopWait, func(context.Context) error {
		if c.running(name) {
			return fmt.Errorf("%s (pid %d) still runs", name, pid)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return true, err
	}
	delete(c.state.Pids, name)
	return true, c.save()
}

// poll asks until ready answers nil, and fails with its last answer; one that was cut off by the limit
// says less than the one before it.
func poll(ctx context.Context, limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var err error
	for {
		now := ready(ctx)
		if now == nil {
			return nil
		}
		if err == nil || ctx.Err() == nil {
			err = now
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

// await waits for a program that was just started to answer; one that ends meanwhile is reported with
// its last words. (That it runs is not asked of the system: in the first moments the answer can be no.)
func (c *cluster) await(ctx context.Context, name string, limit time.Duration, ready func(context.Context) error) error {
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.ended[name]:
			cancel()
		case <-alive.Done():
		}
	}()
	err := poll(alive, limit, ready)
	if err == nil {
		return nil
	}
	select {
	case <-c.ended[name]:
		err = errors.New(name + " ended")
	default:
		err = fmt.Errorf("%s did not become ready within %s: %w", name, limit, err)
	}
	return fmt.Errorf("%w; the end of %s:\n%s", err, c.path(name+".log"), c.lastLines(name, 15))
}

func (c *cluster) lastLines(name string, n int) string {
	data, err := os.ReadFile(c.path(name + ".log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
