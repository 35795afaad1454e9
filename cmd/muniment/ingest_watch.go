package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A folder in which something changed is left to settle before it is looked at, but not
// for ever.
const (
	quietFor   = 300 * time.Millisecond
	busyAtMost = 5 * time.Second
)

// keepWatching reconciles when something changes, and every so often in any case: what
// the system says of changes is only a hint, which may be lost. It returns nil when it is
// interrupted. Once it has begun, what goes wrong is printed and tried again, but for a
// token that no longer serves.
func (r *folderRun) keepWatching(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		r.say("changes cannot be noticed (%v); looking every %s", err, r.every)
		w = &fsnotify.Watcher{}
	} else {
		defer w.Close()
	}
	for begun := false; ; begun = true {
		p, err := r.reconcile(ctx)
		r.progress.done()
		if ctx.Err() != nil {
			return nil
		}
		if p != nil && (!begun || p.applied > 0 || p.removed != 0) {
			fmt.Fprintln(r.out, p.summary())
		}
		if err != nil && (!begun && p == nil || isDenied(err)) {
			return err
		}
		if err != nil {
			r.say("%s", explain(err))
		}
		if p != nil {
			r.follow(w, p.tree.Dirs)
		}
		r.before, r.said = r.said, map[string]bool{}
		if !awaitChange(ctx, w, r.every) {
			return nil
		}
	}
}

// isDenied reports whether the token is what is wrong.
func isDenied(err error) bool {
	code := status.Code(err)
	return code == codes.Unauthenticated || code == codes.PermissionDenied
}

// follow has changes in the directories noticed. Those that are gone drop out by themselves.
func (r *folderRun) follow(w *fsnotify.Watcher, dirs []string) {
	if w.Events == nil {
		return
	}
	for _, dir := range dirs {
		if err := w.Add(filepath.Join(r.folder.Dir(), filepath.FromSlash(dir))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.say("not every change will be noticed at once (%v); looking at everything every %s", err, r.every)
			return
		}
	}
}

// awaitChange returns true when something changed and it has been quiet since, or when the
// time is up; false when there is nothing more to wait for.
func awaitChange(ctx context.Context, w *fsnotify.Watcher, every time.Duration) bool {
	end := time.NewTimer(every)
	defer end.Stop()
	var settled, late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return true
		case <-settled:
			return true
		case <-late:
			return true
		case _, ok := <-w.Events:
			if !ok {
				return ctx.Err() == nil
			}
			settled = time.After(quietFor)
			if late == nil {
				late = time.After(busyAtMost)
			}
		case <-w.Errors: // events were lost: look at once
			return true
		}
	}
}
