package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/klog/v2"
)

// logFileMax is how large the log file may grow, in bytes; the one before it is kept beside it.
const logFileMax = 8 << 20

// logToFile sends all logs, klog's too, to the log file: a line on the screen would tear it.
func (a *app) logToFile() (closeLog func(), err error) {
	path := a.logPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w; set XDG_STATE_HOME to one that can be written", err)
	}
	f, err := openLog(path, logFileMax)
	if err != nil {
		return nil, fmt.Errorf("log file: %w; set XDG_STATE_HOME to a directory that can be written", err)
	}
	a.cfg.Logger = slog.New(newLogLimit(slog.NewTextHandler(f, &slog.HandlerOptions{Level: a.cfg.LogLevel})))
	klog.SetSlogLogger(a.cfg.Logger)
	plugins, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the user's own state directory
	if err != nil {
		return nil, errors.Join(fmt.Errorf("log file: %w", err), f.Close())
	}
	stderr := os.Stderr
	os.Stderr = plugins // exec plugins of the kubeconfig write there
	return func() {
		os.Stderr = stderr
		_ = plugins.Close()
		_ = f.Close()
	}, nil
}

// logFile is the log, in at most two files of limited size. Safe for use by several goroutines; several processes may
// write to one.
type logFile struct {
	path string
	most int64

	mu   sync.Mutex
	f    *os.File
	size int64
}

func openLog(path string, most int64) (*logFile, error) {
	l := &logFile{path: path, most: most}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the user's own state directory
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends one line.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, fs.ErrClosed
	}
	if l.size > 0 && l.size+int64(len(line)) > l.most {
		if err := l.turn(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(line)
	l.size += int64(n)
	return n, err
}

// turn begins a new file. Another process may have done so already: then it is that one's.
func (l *logFile) turn() error {
	named, err := os.Stat(l.path)
	own, ownErr := l.f.Stat()
	if err == nil && ownErr == nil && os.SameFile(named, own) {
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return err
		}
	}
	old := l.f
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// Close ends the log.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
