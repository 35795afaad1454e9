package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/cmd/muniment/backup"
)

func restoreCommand() *cobra.Command {
	var r restorer
	var quiet, asJSON bool
	c := &cobra.Command{
		Use:   "restore FROM DIR",
		Short: "Restore a backup into an empty directory, after verifying all of it",
		Long: `Restore a backup from the folder FROM into DIR, which must be empty or not there. Every chunk is compared with its
hash, every value of the catalog checked, and the audit log verified against the checkpoint that was signed when the
backup was made; only then does DIR appear, whole. The log gets a record that says it was restored. Indexes are made by
the first start of the server.

What came after the backup is not there: run every sync again. A checkpoint of the audit log that was saved after
the backup will not match the restored log; keep the old log if there is one left, and the reason with it.

` + exitCodes,
		Example: `  muniment restore /mnt/backups ./data
  muniment restore --at 2026-11-01T00:00:00Z /mnt/backups ./data
  muniment restore --verify-only /mnt/backups
  muniment restore --list /mnt/backups`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("restore from where? 'muniment restore FROM DIR'")
			case len(args) == 1 && !r.verifyOnly && !r.list:
				return usagef("restore into which directory? 'muniment restore FROM DIR'")
			case len(args) > 2 || len(args) == 2 && (r.verifyOnly || r.list):
				return usagef("too many arguments; see 'muniment restore --help'")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			r.from, r.progress = args[0], newProgress(os.Stderr, quiet || asJSON)
			if len(args) == 2 {
				r.dir = filepath.Clean(args[1])
			}
			if r.list {
				return r.printList(c.OutOrStdout(), asJSON)
			}
			err := r.run(c.Context())
			r.progress.done()
			if errors.Is(err, backup.ErrDamaged) || errors.Is(err, errNotRestorable) {
				return codedError{exitTampered, err.Error()}
			}
			if errors.Is(err, backup.ErrNoBackup) || errors.Is(err, backup.ErrLocked) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(r.done)
			}
			r.done.print(c.OutOrStdout())
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&r.at, "at", "", "the backup: its name, or an RFC 3339 time for the newest up to then (default the newest)")
	f.StringVar(&r.keys, "keys", "", "the directory of the key ring, for a backup without keys")
	f.StringVar(&r.scratch, "scratch", "", "with --verify-only, where there is room for all files (default the system's place)")
	f.BoolVar(&r.verifyOnly, "verify-only", false, "verify the backup as if to restore it, and restore nothing")
	f.BoolVar(&r.list, "list", false, "list the backups, and restore nothing")
	f.BoolVar(&quiet, "quiet", false, "no progress")
	f.BoolVar(&asJSON, "json", false, "print what was done as one JSON object")
	return c
}

// restorer restores one backup.
type restorer struct {
	from, dir, at, keys, scratch string
	verifyOnly, list             bool
	progress                     *progress
	done                         restored
}

// restored is what was done, for --json.
type restored struct {
	Backup    string    `json:"backup"`
	Time      time.Time `json:"time"`
	Version   string    `json:"version"`
	Directory string    `json:"directory,omitempty"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	Revision  uint64    `json:"revision"`
	Records   int64     `json:"records"` // of the audit log, up to the checkpoint
}

func (d restored) print(w io.Writer) {
	fmt.Fprintf(w, "verified: backup %s, %d files, %s; catalog at revision %d; %d audit records as signed\n",
		d.Backup, d.Files, bytesText(d.Bytes), d.Revision, d.Records)
	if d.Directory != "" {
		fmt.Fprintf(w, "restored: %s\n", d.Directory)
	}
}

func (r *restorer) run(ctx context.Context) error {
	store, err := backup.OpenReadOnly(r.from)
	if err != nil {
		return err
	}
	defer store.Close()
	name, err := store.Find(r.at)
	if err != nil {
		return err
	}
	m, err := store.Manifest(name)
	if err != nil {
		return err
	}
	if err := r.understands(name, m); err != nil {
		return err
	}
	r.done = restored{Backup: name, Time: m.Time, Version: m.Version, Directory: r.dir, Files: len(m.Files)}
	for _, f := range m.Files {
		r.done.Bytes += f.Size
	}
	if r.verifyOnly {
		dir, err := os.MkdirTemp(r.scratch, "muniment-verify-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		return r.assemble(ctx, store, m, dir)
	}
	return r.into(r.dir, func(dir string) error {
		if err := r.assemble(ctx, store, m, dir); err != nil {
			return err
		}
		return r.record(ctx, dir, name)
	})
}

// understands refuses a backup that holds what this version does not know, which may be an
// erasure ledger that must be replayed, or lacks what it needs.
func (r *restorer) understands(name string, m *backup.Manifest) error {
	has := map[string]bool{}
	keys := false
	for _, f := range m.Files {
		if !isBackedUp(f.Path) {
			return codedError{exitUsage, fmt.Sprintf("backup %s holds %q, which this version of muniment does not know: restore it with the version that made it, %s", name, f.Path, m.Version)}
		}
		has[f.Path] = true
		keys = keys || keyFile.MatchString(f.Path)
	}
	for _, path := range append([]string{"catalog.bolt"}, auditFiles...) {
		if !has[path] {
			return fmt.Errorf("%w: backup %s has no %s", errNotRestorable, name, path)
		}
	}
	switch {
	case !keys && r.keys == "":
		return usagef("backup %s holds no keys: say with --keys where a copy of DIR/keys is", name)
	case keys && r.keys != "":
		return usagef("--keys: backup %s holds its keys", name)
	}
	return nil
}

// assemble puts all files into a directory and verifies them.
func (r *restorer) assemble(ctx context.Context, store *backup.Store, m *backup.Manifest, dir string) error {
	if err := store.Extract(ctx, m, dir, func(done, total int64) { r.progress.bar("files", done, total, bytesText) }); err != nil {
		return err
	}
	if r.keys != "" {
		if err := copyKeys(r.keys, filepath.Join(dir, "keys")); err != nil {
			return err
		}
	}
	return r.verify(ctx, dir, []byte(m.Checkpoint))
}

// printList lists the backups, newest first.
func (r *restorer) printList(w io.Writer, asJSON bool) error {
	store, err := backup.OpenReadOnly(r.from)
	if err != nil {
		return usageError{err}
	}
	defer store.Close()
	names, err := store.Names()
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(names) {
		m, err := store.Manifest(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "muniment: %v\n", err)
			continue
		}
		d := restored{Backup: name, Time: m.Time, Version: m.Version, Files: len(m.Files)}
		for _, f := range m.Files {
			d.Bytes += f.Size
		}
		if asJSON {
			err = json.NewEncoder(w).Encode(map[string]any{"backup": d.Backup, "time": d.Time, "version": d.Version, "files": d.Files, "bytes": d.Bytes})
		} else {
			_, err = fmt.Fprintf(w, "%s  %s  %d files, %s  muniment %s\n", d.Backup, d.Time.Format(time.RFC3339), d.Files, bytesText(d.Bytes), d.Version)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
