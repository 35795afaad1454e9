// Package folder reads a directory tree of Markdown, HTML and plain text as what the
// contract of ingestion calls a source: every directory is a container, every file a
// document, with what front matter, .muniment.yaml, CODEOWNERS, the history of a Git
// repository and the file system say about its title, owner, dates and readers.
//
// What decides who may read is read strictly: a mistake in a .muniment.yaml stops
// everything, one in front matter keeps the document out. All else is read leniently, with
// warnings. Nothing outside the tree is read as a document, and no link is followed.
package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// ErrNoPolicy says that nothing gives the root of the tree a policy: nobody could read
// anything of it.
var ErrNoPolicy = errors.New("nothing says who may read the folder")

// Config says what to read, and how.
type Config struct {
	// Dir is the root of the tree.
	Dir string
	// Source is the name of the source that the tree is.
	Source string
	// Policy is that of the root; nil = the .muniment.yaml there has one.
	Policy *pb.Policy
	// URIBase is what the address of a document begins with; its path follows. Empty = the
	// web pages of the Git remote, if it is of a kind that is known.
	URIBase string
	// Owners maps the names of CODEOWNERS.
	Owners OwnerMap
	// POSIX takes the permissions of the file system for policies; nil = they say nothing.
	POSIX *POSIX
}

// Folder is a tree that can be scanned again and again. It is not for concurrent use.
type Folder struct {
	cfg     Config
	dir     string // absolute, without links
	root    *os.Root
	top     string // of the repository around dir, else dir
	above   string // slash path of dir below top, "" if they are one
	inGit   bool
	history *history // of the last scan
}

// Open opens the tree at cfg.Dir. Close it after use.
func Open(cfg Config) (*Folder, error) {
	if cfg.URIBase != "" {
		if _, err := webAddress(cfg.URIBase); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{cfg: cfg, dir: dir, root: root, top: dir}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			f.top, f.inGit = at, true
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if rel, err := filepath.Rel(f.top, dir); err == nil && rel != "." {
		f.above = filepath.ToSlash(rel)
	}
	return f, nil
}

// Dir is the absolute path of the root, without links.
func (f *Folder) Dir() string { return f.dir }

// Close closes the tree.
func (f *Folder) Close() error { return f.root.Close() }

// Tree is a folder as one scan found it.
type Tree struct {
	// Containers are the directories with documents in or below them, parents first. The
	// id of the root is "/".
	Containers []*pb.Container
	// Dirs are the slash paths of all directories that were looked into, "." for the root.
	Dirs []string
	// Files are what may become documents, by name.
	Files []File
	// Skipped counts what is left out, by reason.
	Skipped map[Skip]int
	// Notes are for people: what could not be found out, what was left out and why.
	Notes []string

	folder  *Folder
	now     time.Time
	history *history
	owners  codeowners
	names   *names
	reader  reader
}

// File is a file that may become a document.
type File struct {
	// Name is its slash path below the root, which is the document's id.
	Name string
	dir  *directory
	info os.FileInfo
}

// Skip is a reason why a file is no document. As an error it comes from Tree.Document.
type Skip string

// The reasons.
const (
	OtherType Skip = "of other types"
	Link      Skip = "symbolic links"
	TooLarge  Skip = "over 16 MiB"
	NotText   Skip = "not UTF-8 text"
	BadName   Skip = "with a name or a place that cannot be taken"
	Draft     Skip = "drafts"
	Gone      Skip = "gone meanwhile"
)

// Error implements error.
func (s Skip) Error() string { return string(s) }

// Scan finds what is in the tree now. The error of a .muniment.yaml names the file and the
// key; a directory that cannot be read is an error too, for what is in it would look gone.
func (f *Folder) Scan(ctx context.Context, now time.Time) (*Tree, error) {
	t := &Tree{folder: f, now: now, Skipped: map[Skip]int{}, names: newNames()}
	if err := t.readOwners(); err != nil {
		return nil, err
	}
	if err := t.walk(ctx); err != nil {
		return nil, err
	}
	t.history = &history{}
	if f.inGit && len(t.Files) > 0 {
		h, err := readHistory(ctx, f.dir, f.history)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			t.note("no dates and addresses from Git: %v", err)
		default:
			t.history, f.history = h, h
			t.noteUndated()
		}
	}
	return t, nil
}

func (t *Tree) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// noteUndated says what a shallow clone does not know.
func (t *Tree) noteUndated() {
	n := 0
	for _, file := range t.Files {
		if at, ok := t.history.dated(file.Name); ok && at.IsZero() {
			n++
		}
	}
	if n > 0 {
		t.note("the clone is shallow: when %d documents were last changed is not known; 'git fetch --unshallow' brings the rest of the history", n)
	}
}

// readOwners reads the CODEOWNERS file of the repository, or of the tree if it is in none.
func (t *Tree) readOwners() error {
	for _, place := range codeownersPlaces {
		file := filepath.Join(t.folder.top, filepath.FromSlash(place))
		info, err := os.Lstat(file)
		if errors.Is(err, os.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		owners, problems := parseCodeowners(string(text))
		owners.changed = changedAt(info)
		t.owners = owners
		if len(problems) > 0 {
			t.note("%s: %s", place, strings.Join(problems[:min(len(problems), 5)], "; "))
		}
		return nil
	}
	return nil
}
