package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// cluster is one control plane: a home folder and what is known of its processes.
type cluster struct {
	home  string
	lock  *os.File
	state state
	ended map[string]chan struct{} // closed when a program that this process started ends
}

// state is kept in home/cluster.json.
type state struct {
	Bin string `json:"bin"` // folder of the programs
	// Ports of etcd's clients and peers, and of the API server; kept for the life of the home, so that
	// kubeconfigs stay good over restarts.
	EtcdPort int            `json:"etcdPort"`
	PeerPort int            `json:"peerPort"`
	APIPort  int            `json:"apiPort"`
	Pids     map[string]int `json:"pids"` // by program
}

// open locks a home and reads its state. Only "up" makes a new one.
func open(create bool) (*cluster, error) {
	home, err := homeFolder()
	if err != nil {
		return nil, err
	}
	if create {
		if err := os.MkdirAll(home, 0o700); err != nil {
			return nil, err
		}
	}
	lock, err := os.OpenFile(filepath.Join(home, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) && !create {
			return nil, fmt.Errorf("no control plane in %s; start one with up.sh: %w", home, err)
		}
		return nil, err
	}
	c := &cluster{home: home, lock: lock, state: state{Pids: map[string]int{}}, ended: map[string]chan struct{}{}}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	data, err := os.ReadFile(c.path("cluster.json"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if err := json.Unmarshal(data, &c.state); err != nil {
			return nil, fmt.Errorf("%s: %w; delete the folder and start anew", c.path("cluster.json"), err)
		}
	}
	return c, nil
}

func (c *cluster) close() { c.lock.Close() }

func (c *cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.home}, parts...)...)
}

func (c *cluster) save() error {
	data, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return err
	}
	tmp := c.path("cluster.json.tmp")
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, c.path("cluster.json"))
}

// homeFolder is where this control plane lives.
func homeFolder() (string, error) {
	for _, name := range []string{"ORKA_E2E_HOME", "ORKA_CLUSTER_HOME"} {
		if dir := os.Getenv(name); dir != "" {
			if strings.ContainsAny(dir, " \t\n\"'") {
				return "", fmt.Errorf("%s is %q; choose a folder without spaces and quotes", name, dir)
			}
			return filepath.Abs(dir)
		}
	}
	dir, err := cacheFolder()
	return filepath.Join(dir, "cluster"), err
}

// choosePorts keeps the ports of the home if they are free and takes others if not.
func (c *cluster) choosePorts() error {
	ports := []*int{&c.state.EtcdPort, &c.state.PeerPort, &c.state.APIPort}
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	for _, p := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *p))
		if err != nil { // somebody took it meanwhile
			if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
				return fmt.Errorf("no free port on 127.0.0.1: %w", err)
			}
		}
		held = append(held, l)
		*p = l.Addr().(*net.TCPAddr).Port
	}
	return nil
}
