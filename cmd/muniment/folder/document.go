package folder

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Stamp stands for all that shapes a document but its text, and for the file that holds
// the text as the file system tells it from its earlier states.
type Stamp [sha256.Size]byte

// settleTime is how long a file must have been left alone before an unchanged stamp says
// that it did not change: clocks of file systems are coarse.
const settleTime = 2 * time.Second

// Stamp returns the stamp of a file, and whether a later equal one can be trusted.
func (t *Tree) Stamp(f File) (stamp Stamp, settled bool, err error) {
	frame, _, err := t.frame(f)
	if err != nil {
		return stamp, false, err
	}
	if t.folder.cfg.POSIX != nil {
		open, err := t.reader.open(t.folder.root, f.Name)
		if err != nil {
			return stamp, false, err
		}
		frame.Policy, err = t.permissions(open)
		open.Close()
		if err != nil {
			return stamp, false, err
		}
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(frame)
	if err != nil {
		return stamp, false, err
	}
	changed := changedAt(f.info)
	for _, n := range []int64{int64(fileNumber(f.info)), f.info.Size(), f.info.ModTime().UnixNano(), changed.UnixNano()} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	b = append(b, f.dir.defaults.reviewInterval...)
	return sha256.Sum256(b), t.now.Sub(changed) > settleTime, nil
}

// permissions is the policy that the file system gives an open file.
func (t *Tree) permissions(open *os.File) (*pb.Policy, error) {
	a, err := readACL(open)
	if err != nil {
		return nil, err
	}
	return &pb.Policy{Layers: []*pb.Layer{t.folder.cfg.POSIX.layer(a, mayRead, t.names)}}, nil
}

// frame is the document without what its text says. Dated says that its date is the best
// there is: front matter's plain "date" does not replace it.
func (t *Tree) frame(f File) (d *pb.Document, dated bool, err error) {
	cfg, defaults := t.folder.cfg, f.dir.defaults
	d = &pb.Document{
		Source: cfg.Source, Id: f.Name, Owner: defaults.owner,
		Container: proto.String(f.dir.id()), Policy: parentsAnswer(),
		Sensitivity:    proto.String(first(defaults.sensitivity, acl.DefaultSensitivity)),
		RetentionClass: defaults.retentionClass, Labels: defaults.labels,
	}
	changed := latest(changedAt(f.info), defaults.changed)
	for _, name := range t.owners.ownersOf(path.Join(t.folder.above, f.Name)) {
		if p, ok := cfg.Owners.principal(name); ok {
			d.Owner = p
			changed = latest(changed, t.owners.changed)
			break
		}
	}
	base := cfg.URIBase
	if _, committed := t.history.dated(f.Name); base == "" && t.history.tracked[f.Name] && committed {
		if base = webBase(t.history.remote, t.history.branch); base != "" && t.history.prefix != "" {
			base = joined(base, strings.TrimSuffix(t.history.prefix, "/"))
		}
	}
	if base != "" {
		d.Uri = joined(base, f.Name)
	}
	at, dated := t.history.dated(f.Name)
	switch {
	case !dated:
		d.Modified = timestamppb.New(f.info.ModTime())
	case !at.IsZero():
		d.Modified = timestamppb.New(at)
		changed = latest(changed, at)
	}
	d.Version = Version(changed, t.now)
	return d, dated && !at.IsZero(), nil
}

// Version is the version of a document that last changed at an instant: microseconds
// since 1970, and never in the future.
func Version(changed, now time.Time) int64 {
	return max(0, min(changed.UnixMicro(), now.UnixMicro()))
}

// Document reads a file as a document. The warnings say what was left out of it. The error
// is a Skip for a file that is no document after all, a *Refusal for one that must not be
// sent because it is not certain who may read it, or that of the file system.
func (t *Tree) Document(f File) (d *pb.Document, warnings []string, err error) {
	text, err := t.read(&f)
	if err != nil {
		return nil, nil, err
	}
	d, dated, err := t.frame(f)
	if err != nil {
		return nil, nil, err
	}
	if text.policy != nil {
		d.Policy = text.policy
	}
	body := string(bytes.TrimPrefix(text.bytes, []byte("\ufeff")))
	if !utf8.ValidString(body) || strings.ContainsRune(body, 0) {
		return nil, nil, NotText
	}
	fm, rest, refusal, warning := readFrontMatter(body)
	a := apply{fm: fm, doc: d, file: f.Name}
	if warning != nil {
		a.warnings = append(a.warnings, warning.Error())
	}
	if refusal == nil {
		refusal = a.access(t.folder.cfg.POSIX != nil)
	}
	switch {
	case refusal != nil:
		return nil, a.warnings, refusal
	case fm.values["draft"] == true || fm.values["published"] == false:
		return nil, a.warnings, Draft
	}
	k, _ := kindOf(f.Name)
	d.Mime, d.Text = k.mime, body
	a.content(t.folder.cfg.Owners, dated, f.dir.defaults.reviewInterval)
	if d.Title == "" {
		d.Title = titleOf(k, f.Name, rest)
	}
	d.Title = strings.ReplaceAll(cut(d.Title, maxTitle), "\x00", "")
	if len(d.GetUri()) > 4096 {
		d.Uri = ""
	}
	return d, a.warnings, nil
}

// Closing makes an item that closes a document to everyone, whatever is stored of it.
func (t *Tree) Closing(f File) *pb.DocumentAccess {
	return &pb.DocumentAccess{Source: t.folder.cfg.Source, Id: f.Name, Policy: nobody()}
}
