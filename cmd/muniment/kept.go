package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/muniment/muniment/audit"
)

// auditConfig says where the newest checkpoint is kept besides the data.
type auditConfig struct {
	// Checkpoint is a file outside the data directory; "" for none.
	Checkpoint string `yaml:"checkpoint"`
}

// check refuses a file that would be rolled back together with what it is to witness.
func (c auditConfig) check(data string) error {
	if c.Checkpoint == "" {
		return nil
	}
	file, err := real(filepath.Dir(c.Checkpoint))
	if err != nil {
		return err
	}
	dir, err := real(data)
	if err != nil {
		return err
	}
	if file == dir || strings.HasPrefix(file, dir+string(filepath.Separator)) {
		return fmt.Errorf("%s lies in the data directory; whoever puts back an old copy of that puts back the checkpoint too", c.Checkpoint)
	}
	return nil
}

// real is where a directory really is, as far as it exists.
func real(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	followed, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return abs, nil
	}
	return followed, err
}

// kept is the checkpoint that is kept outside the data directory: the newest, whatever comes.
// It is written beside the log's writer, which must not wait for another file system; what
// comes while it is written, the newest of it comes next.
type kept struct {
	path   string
	saved  []byte // as it was found, nil if there was none
	log    *slog.Logger
	failed func()
	next   chan []byte // the newest that is not written yet
	ended  chan struct{}
}

// maxKept is the largest file that is taken for a checkpoint, in bytes.
const maxKept = 64 << 10

// openKept reads the checkpoint of the configuration and goes on keeping it there.
func openKept(cfg config, log *slog.Logger, failed func()) (*kept, error) {
	k := &kept{path: cfg.Audit.Checkpoint, log: log, failed: failed}
	if k.path == "" {
		return k, nil
	}
	var err error
	k.saved, err = os.ReadFile(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		log.Warn("no checkpoint of the audit log is kept yet, so nothing tells whether it was rolled back", "file", k.path)
	case err != nil:
		return nil, usagef("audit.checkpoint: %w", err)
	case len(k.saved) == 0 || len(k.saved) > maxKept:
		return nil, usagef("audit.checkpoint: %s has %d bytes, and is no checkpoint", k.path, len(k.saved))
	}
	k.next, k.ended = make(chan []byte, 1), make(chan struct{})
	go k.run()
	return k, nil
}

// keep takes the newest checkpoint. One goroutine at a time calls it, and none after close.
func (k *kept) keep(checkpoint []byte) {
	if k.next == nil {
		return
	}
	select {
	case <-k.next: // never written, for there is a newer one
	default:
	}
	k.next <- checkpoint
}

func (k *kept) run() {
	defer close(k.ended)
	for checkpoint := range k.next {
		if err := keepFile(k.path, checkpoint); err != nil {
			k.failed()
			k.log.Error("keeping a checkpoint of the audit log", "error", err)
		}
	}
}

// close waits until the newest is written.
func (k *kept) close() error {
	if k.next != nil {
		close(k.next)
		<-k.ended
	}
	return nil
}

// explain says what it means that a log does not open because of a checkpoint.
func (k *kept) explain(err error) error {
	if !errors.Is(err, audit.ErrRolledBack) && !errors.Is(err, audit.ErrForked) {
		return err
	}
	text := err.Error() + "\nthe audit log is not the one that was signed last; nothing is appended and nothing signed. Keep a copy of everything, and see what 'muniment audit verify' says"
	if k.path != "" {
		text += fmt.Sprintf(". If an older backup was restored on purpose, move %s away, and keep it with what was lost", k.path)
	}
	return errors.Join(codedError{exitTampered, text}, err)
}

// keepFile puts text in the place of a file, which stays as it is if that fails.
func keepFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".checkpoint-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
