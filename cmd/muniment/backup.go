package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/cmd/muniment/backup"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func backupCommand() *cobra.Command {
	var t target
	var quiet, asJSON, withoutKeys bool
	var keep int
	c := &cobra.Command{
		Use:   "backup --data DIR TO",
		Short: "Back up a data directory, while its server runs",
		Long: `Back up a data directory into the folder TO: the catalog and the audit log as they are at one moment, the keys, and
DIR/muniment.yaml. Indexes are left out, since they follow from the catalog. Backups share what is equal: only chunks that
TO does not have are sent and stored. A backup that is interrupted leaves nothing that could be taken for one, and what
it has stored is used by the next.

THE KEYS ARE PART OF IT: whoever can read TO can read every document, be anyone, and sign as this server. Guard TO as
you guard DIR, or use --without-keys and keep a copy of DIR/keys elsewhere: without the keys a backup cannot be restored.

` + targetHelp + ` A backup made without --data has no keys and no configuration.

` + exitCodes,
		Example: `  muniment backup --data ./data /mnt/backups
  muniment backup --data ./data --keep 14 /mnt/backups
  muniment backup --data ./data --without-keys /mnt/backups`,
		Args: exactArgs(1, "one folder to put the backup in"),
		RunE: func(c *cobra.Command, args []string) error {
			if keep < 0 {
				return usagef("--keep: %d, must be 1 or more, or 0 to keep all", keep)
			}
			b := backupMaker{to: args[0], keep: keep, withoutKeys: withoutKeys, progress: newProgress(os.Stderr, quiet || asJSON)}
			err := b.run(c.Context(), &t)
			b.progress.done()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(b.made)
			}
			b.made.print(c.OutOrStdout())
			if !b.made.Keys {
				fmt.Fprintln(os.Stderr, "muniment: the keys are NOT in this backup; without a copy of them it cannot be restored")
			}
			return nil
		},
	}
	t.flags(c)
	f := c.Flags()
	f.IntVar(&keep, "keep", 0, "after this backup, remove all but so many of the newest (0 keeps all)")
	f.BoolVar(&withoutKeys, "without-keys", false, "leave DIR/keys out; keep a copy of them elsewhere")
	f.BoolVar(&quiet, "quiet", false, "no progress")
	f.BoolVar(&asJSON, "json", false, "print what was done as one JSON object")
	return c
}

// backupMaker makes one backup.
type backupMaker struct {
	to          string
	keep        int
	withoutKeys bool
	progress    *progress

	writer   *backup.Writer
	manifest backup.Manifest
	end      *pb.BackupEnd
	made     backupMade

	expected, came int64 // bytes of chunks that the other side sends
}

// backupMade is what was done, for --json.
type backupMade struct {
	Backup        string    `json:"backup"`
	Time          time.Time `json:"time"`
	Keys          bool      `json:"keys"`
	Files         int       `json:"files"`
	Bytes         int64     `json:"bytes"`
	NewChunks     int64     `json:"new_chunks"`
	NewBytes      int64     `json:"new_bytes"`
	PrunedBackups int       `json:"pruned_backups"`
	PrunedChunks  int64     `json:"pruned_chunks"`
	PrunedBytes   int64     `json:"pruned_bytes"`
}

func (m backupMade) print(w io.Writer) {
	fmt.Fprintf(w, "backup %s: %d files, %s; new: %d chunks, %s\n", m.Backup, m.Files, bytesText(m.Bytes), m.NewChunks, bytesText(m.NewBytes))
	if m.PrunedBackups > 0 || m.PrunedChunks > 0 {
		fmt.Fprintf(w, "pruned: %d backups, %d chunks, %s\n", m.PrunedBackups, m.PrunedChunks, bytesText(m.PrunedBytes))
	}
}

// maxHave is how many bytes of hashes a server is told at most.
const maxHave = 16 << 20

func (b *backupMaker) run(ctx context.Context, t *target) (err error) {
	as, o, err := t.reach(ctx, openTruth, audit.Operation{Name: "backup"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	store, err := backup.Open(b.to)
	if errors.Is(err, backup.ErrLocked) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer store.Close()
	if b.writer, err = store.Writer(); err != nil {
		return err
	}
	if err := b.beside(t); err != nil {
		return err
	}
	if err := o.Backup(as, b.writer.Have(maxHave), b.take); err != nil {
		return err
	}
	if b.end == nil {
		return errors.New("the server ended the backup early; nothing was kept of it")
	}
	b.manifest.Time, b.manifest.Version, b.manifest.Checkpoint = b.end.GetTime().AsTime(), b.end.GetVersion(), b.end.GetCheckpoint()
	if b.made.Backup, err = b.writer.Commit(&b.manifest); err != nil {
		return err
	}
	b.made.Time, b.made.Files = b.manifest.Time, len(b.manifest.Files)
	for _, f := range b.manifest.Files {
		b.made.Bytes += f.Size
	}
	b.made.NewChunks, b.made.NewBytes = b.writer.NewChunks, b.writer.NewBytes
	if b.keep == 0 {
		return nil
	}
	pruned, err := store.Prune(b.keep)
	b.made.PrunedBackups, b.made.PrunedChunks, b.made.PrunedBytes = len(pruned.Backups), pruned.Chunks, pruned.Bytes
	if err != nil {
		return fmt.Errorf("the backup %s is made, but: %w", b.made.Backup, err)
	}
	return nil
}

// keyFile matches the files of a key ring.
var keyFile = regexp.MustCompile(`^keys/[0-9]+\.key$`)

// configFile is the configuration that lies in the data directory.
const configFile = "muniment.yaml"

// beside takes what no server gives: the keys, and the configuration beside them.
func (b *backupMaker) beside(t *target) error {
	data := first(t.data, os.Getenv("MUNIMENT_DATA"))
	if data == "" {
		if t.file == "" {
			return nil
		}
		cfg, err := loadConfig(t.file, "", "")
		if err != nil {
			return err
		}
		data = cfg.Data
	}
	var paths []string
	if !b.withoutKeys {
		entries, err := os.ReadDir(filepath.Join(data, "keys"))
		if err != nil {
			return fmt.Errorf("reading the keys: %w", err)
		}
		for _, e := range entries {
			if path := "keys/" + e.Name(); keyFile.MatchString(path) {
				paths, b.made.Keys = append(paths, path), true
			}
		}
	}
	if exists(filepath.Join(data, configFile)) {
		paths = append(paths, configFile)
	}
	for _, path := range paths {
		in, err := os.Open(filepath.Join(data, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		f, err := b.writer.PutFile(path, in, backupChunk)
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
		b.manifest.Files = append(b.manifest.Files, f)
	}
	return nil
}

// take takes one part of what the operator sends.
func (b *backupMaker) take(m *pb.BackupResponse) error {
	switch part := m.GetPart().(type) {
	case *pb.BackupResponse_File:
		f := backup.File{Path: part.File.GetPath(), Size: part.File.GetSize(), ChunkBytes: part.File.GetChunkBytes(), Chunks: []backup.Hash{}}
		for h := range slices.Chunk(part.File.GetChunks(), len(backup.Hash{})) {
			if len(h) != len(backup.Hash{}) {
				return fmt.Errorf("the server names a chunk of %s with %d bytes", f.Path, len(h))
			}
			f.Chunks = append(f.Chunks, backup.Hash(h))
		}
		if !isBackedUp(f.Path) || keyFile.MatchString(f.Path) || f.Path == configFile {
			return fmt.Errorf("the server sends %q, which this version does not know", f.Path)
		}
		b.expected += b.writer.Missing(f)
		b.manifest.Files = append(b.manifest.Files, f)
	case *pb.BackupResponse_Chunk:
		if _, err := b.writer.Put(part.Chunk.GetData()); err != nil {
			return err
		}
		b.came += int64(len(part.Chunk.GetData()))
		b.progress.bar("backup", b.came, max(b.expected, b.came), bytesText)
	case *pb.BackupResponse_End:
		b.end = part.End
	}
	return nil
}

// auditFiles are those of an audit log.
var auditFiles = []string{"audit/bodies", "audit/checkpoint", "audit/commitments", "audit/erased", "audit/hashes"}

// isBackedUp reports whether a backup of this version may hold the file.
func isBackedUp(path string) bool {
	return path == "catalog.bolt" || path == configFile || slices.Contains(auditFiles, path) || keyFile.MatchString(path)
}
