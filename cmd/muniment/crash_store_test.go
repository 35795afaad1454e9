package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// leftBehind reads the catalog in the directory of a killed server, from a copy, so that
// the server itself is the first to open its own, and checks it from end to end.
func leftBehind(dir, scratch string) (map[thing]catalog.Change, error) {
	found := map[thing]catalog.Change{}
	file := filepath.Join(scratch, "catalog.bolt")
	content, err := os.ReadFile(filepath.Join(dir, "catalog.bolt"))
	if os.IsNotExist(err) {
		return found, nil // killed before it made one
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return nil, err
	}
	store, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	for c, err := range store.Changes(context.Background(), 0, catalog.Contents) {
		if err != nil {
			return nil, err
		}
		found[thingOf(c)] = c
	}
	return found, store.Check(context.Background(), nil)
}

func thingOf(c catalog.Change) thing {
	switch {
	case c.Group != nil:
		return thing{"group", "", string(c.Group.Group)}
	case c.Container != nil:
		return thing{"container", c.Container.Source, c.Container.ID}
	default:
		return thing{"document", c.Document.Document.Source, c.Document.Document.ID}
	}
}

// differs names the parts in which what is stored of a thing is not the state.
func (s state) differs(found catalog.Change) (parts []string) {
	part := func(name string, same bool) {
		if !same {
			parts = append(parts, name)
		}
	}
	switch {
	case found.Group != nil:
		var members []string
		for _, p := range found.Group.Members {
			members = append(members, string(p))
		}
		part("members", s.known && slices.Equal(members, sortedSet(s.members)))
	case found.Container != nil:
		c := found.Container
		part("being there", s.known)
		part("version", c.Version == s.version)
		part("parent", c.Parent == s.container)
		part("policy", samePolicy(c.Policy, s.policy))
	case found.Document != nil:
		d := found.Document.Document
		part("being there", (d.State == catalog.Present) == (s.content != nil))
		part("tombstone", (d.State == catalog.Deleted) == s.gone)
		part("version", d.Version == s.version)
		part("access version", d.Access.Version == s.accessVersion)
		part("policy", samePolicy(d.Access.Policy, s.policy))
		part("container", d.Access.Container == s.container)
		part("sensitivity", d.Access.Sensitivity == s.sensitivity)
		if s.content != nil && d.State == catalog.Present {
			parts = append(parts, differentContent(*found.Document, s.content)...)
		}
	default:
		part("being there", !s.known && !s.gone && s.content == nil && s.accessVersion == 0)
	}
	return parts
}

// differentContent names the parts of the content in which what is stored is not what was
// sent: the document's fields, its passages, and their vectors if the sender brought them.
func differentContent(found catalog.DocumentChange, sent *pb.Document) (parts []string) {
	d := found.Document
	for name, same := range map[string]bool{
		"title": d.Title == sent.GetTitle(), "mime": d.MIME == sent.GetMime(), "uri": d.URI == sent.GetUri(),
		"owner": string(d.Owner) == sent.GetOwner(), "retention class": d.RetentionClass == sent.GetRetentionClass(),
		"labels":       cmp.Equal(d.Labels, sent.GetLabels()),
		"content hash": d.ContentHash == sha256.Sum256([]byte(sent.GetText())),
		"modified":     d.Modified.IsZero() == (sent.GetModified() == nil) && (sent.GetModified() == nil || d.Modified.Equal(sent.GetModified().AsTime())),
		"vector space": sent.GetVectorSpace() == "" || d.VectorSpace == sent.GetVectorSpace(),
		"rows":         int(d.Rows.Count) == len(found.Passages),
	} {
		if !same {
			parts = append(parts, name)
		}
	}
	slices.Sort(parts)
	text := []rune(sent.GetText())
	var all bytes.Buffer
	for i, p := range found.Passages {
		span := p.Span
		if p.ID.Version != d.Version || p.ID.Ordinal != i || p.Row != d.Rows.First+catalog.Row(i) ||
			span.Start < 0 || span.Start > span.End || span.End > len(text) || string(text[span.Start:span.End]) != p.Text {
			return append(parts, fmt.Sprintf("passage %d", i))
		}
		fmt.Fprintln(&all, p.Text)
	}
	for word := range strings.FieldsSeq(sent.GetText()) {
		if strings.HasPrefix(word, crashMark) && bytes.Count(all.Bytes(), []byte(word)) != 1 {
			parts = append(parts, "the passage with "+word)
		}
	}
	if supplied := sent.GetPassages(); len(supplied) > 0 {
		if len(supplied) != len(found.Passages) {
			return append(parts, "how many passages")
		}
		for i, p := range supplied {
			if !sameDirection(found.Passages[i].Vector, p.GetVector()) {
				parts = append(parts, fmt.Sprintf("vector %d", i))
			}
		}
	}
	return parts
}

// sameDirection reports whether the stored vector is the sent one at unit length.
func sameDirection(stored, sent []float32) bool {
	length := 0.0
	for _, x := range sent {
		length += float64(x) * float64(x)
	}
	return slices.EqualFunc(stored, sent, func(a, b float32) bool {
		return math.Abs(float64(a)-float64(b)/math.Sqrt(length)) < 1e-5
	})
}

func samePolicy(stored *acl.Policy, sent *pb.Policy) bool {
	if stored == nil || sent == nil {
		return stored == nil && sent == nil
	}
	grants := func(list []acl.Grant) (out []reference.Grant) {
		for _, g := range list {
			out = append(out, reference.Grant{Principal: string(g.Principal), NotBefore: g.NotBefore, NotAfter: g.NotAfter})
		}
		return out
	}
	p := &reference.Policy{Inherit: map[acl.Inherit]reference.Mode{
		acl.Restrict: reference.Restrict, acl.Extend: reference.Extend, acl.Replace: reference.Replace,
	}[stored.Inherit]}
	for _, l := range stored.Layers {
		p.Layers = append(p.Layers, reference.Layer{Allow: grants(l.Allow), Deny: grants(l.Deny)})
	}
	return cmp.Equal(p, toReference(sent))
}

func sortedSet(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
