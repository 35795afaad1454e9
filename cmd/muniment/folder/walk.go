package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// The limits of one document and of its id, in bytes, as the server has them.
const (
	maxText = 16 << 20
	maxID   = 1024
)

// rootID is the id of the root's container.
const rootID = "/"

// directory is a directory of the tree while it is walked.
type directory struct {
	name     string // slash path below the root, "" for the root
	depth    int    // 0 for the root
	parent   *directory
	policy   *pb.Policy // its own
	defaults defaults   // for the documents in it
	git      []ignoring // files of patterns, outermost first, from the top of the repository
	own      []ignoring // those of .muniment.yaml, from the root
	holds    bool       // documents, in it or below
}

func (d *directory) id() string {
	if d.name == "" {
		return rootID
	}
	return d.name
}

// walk finds directories and files. Only directories that hold documents become
// containers.
func (t *Tree) walk(ctx context.Context) error {
	root := &directory{}
	if t.folder.inGit {
		above, err := t.folder.ignoringAbove()
		if err != nil {
			return err
		}
		root.git = above
	}
	var all []*directory
	if err := t.visit(ctx, t.folder.root, root, &all); err != nil {
		return err
	}
	for _, d := range all { // parents come before what is in them
		t.Dirs = append(t.Dirs, first(d.name, "."))
		if !d.holds {
			continue
		}
		c := &pb.Container{Source: t.folder.cfg.Source, Id: d.id(), Policy: d.policy}
		if d.parent != nil {
			c.Parent = d.parent.id()
		}
		t.Containers = append(t.Containers, c)
	}
	slices.SortFunc(t.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// visit walks one directory, which at is.
func (t *Tree) visit(ctx context.Context, at *os.Root, d *directory, all *[]*directory) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := at.Open(".")
	if err != nil {
		return t.unreadable(d.name, err)
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return t.unreadable(d.name, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	if err := t.settle(at, f, d, entries); err != nil {
		return err
	}
	*all = append(*all, d)
	for _, e := range entries {
		name := path.Join(d.name, e.Name())
		if strings.HasPrefix(e.Name(), ".") || e.IsDir() && e.Name() == "node_modules" ||
			ignored(d.git, path.Join(t.folder.above, name), e.IsDir()) || ignored(d.own, name, e.IsDir()) {
			continue
		}
		switch {
		case e.IsDir():
			err = t.descend(ctx, at, d, e.Name(), all)
		case e.Type()&fs.ModeSymlink != 0:
			t.Skipped[Link]++
		default:
			err = t.file(at, d, e)
		}
		if err != nil {
			return err
		}
	}
	if d.holds && d.parent != nil {
		d.parent.holds = true
	}
	return nil
}

// unreadable names what cannot be read and says how to go on without it.
func (t *Tree) unreadable(name string, err error) error {
	return fmt.Errorf("reading %s: %w\nwhat is in it would look deleted; to leave it out on purpose, name it under ignore: in a %s above it",
		filepath.Join(t.folder.dir, filepath.FromSlash(name)), err, SettingsFile)
}

// descend visits a directory below, if it still is one when it is opened.
func (t *Tree) descend(ctx context.Context, at *os.Root, d *directory, base string, all *[]*directory) error {
	name := path.Join(d.name, base)
	if d.depth+1 >= acl.MaxContainers {
		t.Skipped[BadName]++
		t.note("%s: left out; it lies below %d folders, at most %d", name, d.depth+1, acl.MaxContainers-1)
		return nil
	}
	if why := badName(name); why != "" {
		t.Skipped[BadName]++
		t.note("%q: left out; its name %s", name, why)
		return nil
	}
	sub, err := openBelow(at, base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return t.unreadable(name, err)
	}
	defer sub.Close()
	return t.visit(ctx, sub, &directory{name: name, depth: d.depth + 1, parent: d, defaults: d.defaults, git: d.git, own: d.own}, all)
}

// openBelow opens a directory in another. A link that took its place meanwhile is refused:
// it could put restricted documents into a folder that everyone may read.
func openBelow(at *os.Root, base string) (*os.Root, error) {
	want, err := at.Lstat(base)
	if err != nil {
		return nil, err
	}
	sub, err := at.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	got, err := sub.Stat(".")
	if err == nil && !os.SameFile(want, got) {
		err = errors.New("it changed while it was opened")
	}
	if err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// badName says why a path cannot be an id, "" if it can.
func badName(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "is not UTF-8"
	case len(name) > maxID:
		return fmt.Sprintf("has %d bytes, at most %d", len(name), maxID)
	}
	return ""
}

// file takes a file in if it is of a kind that is read.
func (t *Tree) file(at *os.Root, d *directory, e fs.DirEntry) error {
	name := path.Join(d.name, e.Name())
	if _, read := kindOf(name); !read || !e.Type().IsRegular() {
		t.Skipped[OtherType]++
		return nil
	}
	if why := badName(name); why != "" {
		t.Skipped[BadName]++
		t.note("%q: left out; its name %s", name, why)
		return nil
	}
	info, err := at.Lstat(e.Name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return t.unreadable(name, err)
	case !info.Mode().IsRegular():
		t.Skipped[OtherType]++
		return nil
	case info.Size() > maxText:
		t.Skipped[TooLarge]++
		t.note("%s: left out; it has %d bytes, at most %d", name, info.Size(), maxText)
		return nil
	}
	d.holds = true
	t.Files = append(t.Files, File{Name: name, dir: d, info: info})
	return nil
}

// settle reads what a directory says of itself: settings, patterns to ignore, and its
// permissions if they count.
func (t *Tree) settle(at *os.Root, open *os.File, d *directory, entries []fs.DirEntry) error {
	var s settings
	for _, e := range entries {
		full := filepath.Join(t.folder.dir, filepath.FromSlash(path.Join(d.name, e.Name())))
		switch e.Name() {
		case SettingsFile:
			text, info, err := readSmall(at, e.Name())
			if err == nil {
				s, err = parseSettings(text, changedAt(info))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", full, err)
			}
		case ".muniment.yml", ".muniment.json":
			return fmt.Errorf("%s: call it %s, or take it away: it would say nothing under this name", full, SettingsFile)
		case ".gitignore":
			if !e.Type().IsRegular() {
				continue // Git does not follow links here either
			}
			text, _, err := readSmall(at, e.Name())
			if err != nil {
				return fmt.Errorf("%s: %w", full, err)
			}
			d.git = append(slices.Clip(d.git), parseIgnoring(path.Join(t.folder.above, d.name), string(text)))
		}
	}
	d.defaults = d.defaults.below(s)
	if len(s.ignore) > 0 {
		d.own = append(slices.Clip(d.own), parseIgnoring(d.name, strings.Join(s.ignore, "\n")))
	}
	return t.setPolicy(open, d, s)
}

// setPolicy decides what the directory's own policy is.
func (t *Tree) setPolicy(open *os.File, d *directory, s settings) error {
	cfg := t.folder.cfg
	written := s.policy
	if d.depth == 0 && cfg.Policy != nil {
		if written != nil {
			return fmt.Errorf("%s has a policy of its own; leave out the one that was given beside it", filepath.Join(t.folder.dir, SettingsFile))
		}
		written = cfg.Policy
	}
	d.policy = written
	if cfg.POSIX == nil {
		if d.depth == 0 && written == nil {
			return ErrNoPolicy
		}
		return nil
	}
	a, err := readACL(open)
	if err != nil {
		return t.unreadable(d.name, err)
	}
	d.policy = &pb.Policy{Layers: []*pb.Layer{cfg.POSIX.layer(a, maySearch, t.names)}}
	if written == nil {
		return nil
	}
	if d.policy, err = restricted(d.policy, written); err != nil {
		return fmt.Errorf("%s: policy: %w", filepath.Join(t.folder.dir, filepath.FromSlash(d.name), SettingsFile), err)
	}
	return nil
}

// readSmall reads a file of settings, which must be a plain file.
func readSmall(at *os.Root, base string) ([]byte, fs.FileInfo, error) {
	info, err := at.Lstat(base)
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, errors.New("is no plain file")
	case info.Size() > 1<<20:
		return nil, nil, fmt.Errorf("%d bytes, at most %d", info.Size(), 1<<20)
	}
	text, err := at.ReadFile(base)
	return text, info, err
}

// ignoringAbove reads the patterns of the repository that stand above the folder, and
// those that a clone keeps for itself.
func (f *Folder) ignoringAbove() (list []ignoring, err error) {
	read := func(file, base string) error {
		info, err := os.Lstat(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || err == nil && !info.Mode().IsRegular() {
			return nil
		}
		if err == nil {
			var text []byte
			if text, err = os.ReadFile(file); err == nil {
				list = append(list, parseIgnoring(base, string(text)))
			}
		}
		return err
	}
	if info, err := os.Stat(filepath.Join(f.top, ".git")); err == nil && info.IsDir() {
		if err := read(filepath.Join(f.top, ".git", "info", "exclude"), ""); err != nil {
			return nil, err
		}
	}
	if f.above == "" {
		return list, nil
	}
	base := ""
	for part := range strings.SplitSeq(f.above, "/") {
		if err := read(filepath.Join(f.top, filepath.FromSlash(base), ".gitignore"), base); err != nil {
			return nil, err
		}
		base = path.Join(base, part)
	}
	return list, nil
}
