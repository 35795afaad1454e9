package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// feedFigures are those of one half of a feed's queries. The counts of the whole corpus stand in its first half.
type feedFigures struct {
	Feed      string `json:"feed"`
	Half      string `json:"half"`
	Queries   int    `json:"queries"`
	TierA     int    `json:"tier_a_queries"` // with at least one flag of the tier
	TierB     int    `json:"tier_b_queries"`
	Documents int    `json:"documents,omitempty"`
	Sentences int    `json:"sentences,omitempty"` // that state a value
	CorpusA   int    `json:"corpus_tier_a"`
	CorpusB   int    `json:"corpus_tier_b"`
}

// conflictDepth is how many passages of an answer are compared.
const conflictDepth = 10

// searchFeed asks every title of a feed of the feed, and then searches the whole of it. Whoever asks may read all, so
// that what the feed says of access is left aside.
func (r *conflictReport) searchFeed(ctx context.Context, file string, found *examples) (err error) {
	documents, err := feedDocuments(file)
	if err != nil || len(documents) == 0 {
		return err
	}
	dir, err := os.MkdirTemp("", "muniment-eval-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg := defaultConfig()
	cfg.Data = dir
	e, err := open(ctx, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if err := loadAll(ctx, e.server.Indexer, documents); err != nil {
		return fmt.Errorf("indexing the feed: %w", err)
	}
	state, err := e.server.Indexer.Pin(ctx, 0)
	if err != nil {
		return err
	}
	defer state.Release()
	view, err := state.View(evalCaller(), e.server.Now())
	if err != nil {
		return err
	}
	f := feedSearch{set: setName(file), state: state, visible: state.Table.Visible(view), known: map[catalog.PassageID]known{}, found: found}
	whole, err := f.read(ctx, view, documents)
	if err != nil {
		return err
	}
	parts := map[string]*feedFigures{}
	for _, half := range halves {
		parts[half] = &feedFigures{Feed: f.set, Half: half}
		r.Feeds = append(r.Feeds, parts[half])
	}
	for _, d := range documents {
		if err := f.ask(ctx, d, parts[halfOf(d.Document.ID)]); err != nil {
			return err
		}
	}
	parts[halves[0]].Documents = len(documents)
	return f.whole(ctx, whole, parts[halves[0]])
}

// feedDocuments reads the documents of a feed as documents that everyone may read.
func feedDocuments(file string) (list []catalog.PutDocument, err error) {
	err = readFeed(file, func(line int, req *pb.IngestRequest, bad error) error {
		d := req.GetDocument()
		if bad != nil || d == nil {
			return bad
		}
		m := catalog.PutDocument{
			Document: catalog.Document{
				DocumentID: catalog.DocumentID{Source: d.GetSource(), ID: d.GetId()}, Version: d.GetVersion(), Title: d.GetTitle(),
				MIME: d.GetMime(), URI: d.GetUri(), Modified: d.GetModified().AsTime(),
			},
			Text:   d.GetText(),
			Access: catalog.AccessPatch{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}},
		}
		for _, s := range d.GetSupersedes() {
			m.Document.Supersedes = append(m.Document.Supersedes, catalog.DocumentID{Source: s.GetSource(), ID: s.GetId()})
		}
		list = append(list, m)
		return nil
	})
	return list, err
}

// A feedSearch compares the passages of one feed.
type feedSearch struct {
	set     string
	state   *indexer.State
	visible *indexer.Visible
	known   map[catalog.PassageID]known
	found   *examples
}

// known is a passage as it is compared, and its text.
type known struct {
	freshness.Source
	text string
}

// read gets all passages of the documents ready and returns their names.
func (f *feedSearch) read(ctx context.Context, view acl.View, documents []catalog.PutDocument) (all []catalog.PassageID, err error) {
	ids := make([]catalog.DocumentID, len(documents))
	for i, m := range documents {
		ids[i] = m.Document.DocumentID
	}
	stored, err := f.state.Documents(ctx, view, ids)
	if err != nil {
		return nil, err
	}
	for _, d := range stored {
		var names []catalog.PassageID
		for i := range d.Rows.Count {
			names = append(names, f.visible.ID(d.Rows.First+catalog.Row(i)))
		}
		passages, err := f.state.Passages(ctx, view, names)
		if err != nil {
			return nil, err
		}
		for _, p := range passages {
			s := freshness.Source{
				Key: d.Source + "\x00" + d.ID, Lineage: d.URI, Signature: d.Signature, Modified: d.Modified,
				Section: strings.Join(p.Headings, "\x00"), Statements: p.Statements,
			}
			for _, id := range d.Supersedes {
				s.Related = append(s.Related, id.Source+"\x00"+id.ID)
			}
			f.known[p.ID] = known{s, p.Text}
			all = append(all, p.ID)
		}
	}
	return all, nil
}

// compared are the passages as they are compared.
func (f *feedSearch) compared(names []catalog.PassageID) []freshness.Source {
	sources := make([]freshness.Source, len(names))
	for i, n := range names {
		sources[i] = f.known[n].Source
	}
	return sources
}

// ask takes the title of a document as a query and judges the passages that come first.
func (f *feedSearch) ask(ctx context.Context, d catalog.PutDocument, into *feedFigures) error {
	if strings.TrimSpace(d.Document.Title) == "" {
		return nil
	}
	hits, err := f.state.Keyword.Search(ctx, f.visible, indexer.Query{Text: d.Document.Title}, conflictDepth)
	if err != nil {
		return err
	}
	names := make([]catalog.PassageID, len(hits))
	for i, h := range hits {
		names[i] = f.visible.ID(h.Row)
	}
	found, err := freshness.Search(ctx, f.compared(names))
	if err != nil {
		return err
	}
	var a, b bool
	for _, c := range found {
		a, b = a || c.Tier == freshness.TierA, b || c.Tier == freshness.TierB
		f.keep(fmt.Sprintf("tier %s, flag of a query, %s", tierName(c.Tier), into.Half), c, names)
	}
	into.Queries++
	if a {
		into.TierA++
	}
	if b {
		into.TierB++
	}
	return nil
}

// whole searches all passages of the feed.
func (f *feedSearch) whole(ctx context.Context, names []catalog.PassageID, into *feedFigures) error {
	sources := f.compared(names)
	for _, s := range sources {
		into.Sentences += len(s.Statements)
	}
	found, err := freshness.Search(ctx, sources)
	if err != nil {
		return err
	}
	for _, c := range found {
		f.keep(fmt.Sprintf("tier %s, in the whole corpus", tierName(c.Tier)), c, names)
		if c.Tier == freshness.TierA {
			into.CorpusA++
		} else {
			into.CorpusB++
		}
	}
	return nil
}

func tierName(t freshness.Tier) string {
	if t == freshness.TierA {
		return "A"
	}
	return "B"
}

func (f *feedSearch) keep(what string, c freshness.Contested, names []catalog.PassageID) {
	cut := func(name catalog.PassageID, s freshness.Span) string {
		return name.Document.ID + ": " + string([]rune(f.known[name].text)[s.Start:s.End])
	}
	f.found.add(specimen{f.set, what, cut(names[c.A], c.SpanA), cut(names[c.B], c.SpanB), fmt.Sprintf("%s, confidence %.3f", c.Explanation, c.Confidence)})
}
