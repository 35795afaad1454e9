package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/muniment/muniment/cmd/muniment/folder"
)

// folderRun sends a folder, once or again and again.
type folderRun struct {
	folderFlags
	folder   *folder.Folder
	conn     *grpc.ClientConn
	retryFor time.Duration
	progress *progress
	out      io.Writer // what was done
	notes    io.Writer // what a person should know

	registered bool
	known      map[string]acknowledged // what the server has, as far as this process knows
	before     map[string]bool         // notes of the last look, which are not printed again
	said       map[string]bool         // notes of this look
}

// acknowledged is a document as the server has acknowledged it.
type acknowledged struct {
	stamp   folder.Stamp
	version int64
}

func ingestFolder(c *cobra.Command, cl *client, f folderFlags, dir string, retryFor time.Duration, p *progress) error {
	opened, err := f.open(dir)
	if err != nil {
		return err
	}
	defer opened.Close()
	tree, err := opened.Scan(c.Context(), time.Now()) // what is wrong with it is told before anything else
	if err != nil {
		return explainScan(err, dir)
	}
	tree.Close()
	ctx, conn, err := cl.dial(c.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	p.noun = "documents"
	r := &folderRun{
		folderFlags: f, folder: opened, conn: conn, retryFor: retryFor, progress: p, out: c.OutOrStdout(), notes: forTerminal{os.Stderr},
		known: map[string]acknowledged{}, said: map[string]bool{},
	}
	if f.watch {
		return r.keepWatching(ctx)
	}
	done, err := r.reconcile(ctx)
	p.done()
	if done != nil {
		fmt.Fprintln(r.out, done.summary())
	}
	if err == nil && done.refused > 0 {
		return codedError{code: exitRefused}
	}
	return err
}

// say prints a note unless the last look has printed it too.
func (r *folderRun) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	known := r.before[text] || r.said[text]
	r.said[text] = true
	if known {
		return
	}
	r.progress.clear()
	fmt.Fprintln(r.notes, text)
}

// reconcile brings the server into step with the folder as it is now, in one sync session.
// The pass is nil if it came to nothing.
func (r *folderRun) reconcile(ctx context.Context) (*folderPass, error) {
	tree, err := r.folder.Scan(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	for _, note := range tree.Notes {
		r.say("%s", note)
	}
	if err := r.register(ctx); err != nil {
		return nil, err
	}
	session, err := r.startSession(ctx)
	if err != nil {
		return nil, err
	}
	p := &folderPass{folderRun: r, tree: tree, tally: tally{progress: r.progress, refusals: &asNotes{r}}}
	err = p.send(ctx)
	switch {
	case err == nil && len(p.unreadable) > 0:
		err = codedError{exitRefused, fmt.Sprintf("%d files could not be read, so nothing was removed; what is not to be sent, name it under ignore: in a %s",
			len(p.unreadable), folder.SettingsFile)}
	case err == nil && session != nil:
		err = r.commit(ctx, session, p)
	}
	if err != nil && session != nil {
		r.abort(ctx, session, err)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = codedError{exitFailed, "interrupted; nothing was removed"}
	}
	return p, err
}

// asNotes prints refusals as notes.
type asNotes struct{ *folderRun }

func (s *asNotes) Write(b []byte) (int, error) {
	s.say("%s", strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

// summary is what a pass did, in one line.
func (p *folderPass) summary() string {
	parts := append([]string{fmt.Sprintf("%d folders", len(p.tree.Containers)), fmt.Sprintf("%d documents", p.documents)}, p.parts()...)
	switch {
	case p.removed < 0:
		parts = append(parts, "the rest removed")
	case p.committed:
		parts = append(parts, fmt.Sprintf("%d removed", p.removed))
	default:
		parts = append(parts, "nothing removed")
	}
	for _, why := range slices.Sorted(maps.Keys(p.tree.Skipped)) {
		parts = append(parts, fmt.Sprintf("left out: %d %s", p.tree.Skipped[why], why))
	}
	return strings.Join(parts, ", ")
}
