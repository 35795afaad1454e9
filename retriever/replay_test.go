package retriever_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
	"github.com/muniment/muniment/retriever/replay"
)

// replayer replays what the desk has recorded.
func (d *desk) replayer(t testing.TB) *replay.Replayer {
	quiet := slog.New(slog.DiscardHandler)
	return &replay.Replayer{
		Indexer: d.indexer, Retriever: d.Retriever,
		Indexes: func() (indexer.Index, indexer.Index, func() error, error) {
			words, err := keyword.Open(t.TempDir(), catalog.ID{}, quiet)
			must(t, err)
			vectors, err := vector.Open(t.TempDir(), catalog.ID{}, quiet)
			must(t, err)
			return words, vectors, func() error { return errors.Join(words.Close(), vectors.Close()) }, nil
		},
	}
}

// replay replays for an auditor.
func (d *desk) replay(t testing.TB, p *replay.Replayer, auditor acl.Identity, record audit.Record) (replay.Outcome, error) {
	state, err := d.indexer.Pin(t.Context(), 0)
	must(t, err)
	defer state.Release()
	view, err := state.View(auditor, d.Now())
	must(t, err)
	return p.Replay(t.Context(), state, view, record)
}

// Whatever has become of the world since, a retrieval that is replayed gives what was
// recorded, down to the bits of the scores, from the documents alone that its caller could
// read then.
func TestReplaysMatchTheRecord(t *testing.T) {
	worlds := uint64(prove.Count(12, 150))
	if testing.Short() {
		worlds = 4
	}
	var replays, passages, degraded, withheld, changed int
	for seed := range worlds {
		g := newGenerator(seed)
		d := newDesk(t)
		embedder := d.Embedder
		d.send(t, g.directory()...)
		for range 25 + g.IntN(30) {
			d.send(t, g.step())
		}
		var records []audit.Record
		for i := range 10 {
			for range g.IntN(6) {
				d.send(t, g.step())
			}
			switch g.IntN(4) {
			case 0:
				d.send(t, g.directory()...)
			case 1:
				d.send(t, catalog.PutSource{Source: "wiki", Settings: catalog.SourceSettings{AccessBound: time.Duration(g.IntN(2)) * time.Hour}})
			}
			at := now.Add(time.Duration(g.IntN(5)-2) * time.Millisecond)
			if g.chance(30) {
				at = time.Now().Add(2 * time.Hour) // by when the wiki is withheld, if it is bounded
			}
			d.Now = func() time.Time { return at }
			if d.Embedder = embedder; g.chance(15) {
				d.Embedder = unable
			}
			caller, req := g.caller(), g.request()
			req.Vector = nil
			if g.chance(25) {
				caller.Groups = slices.Clone(groups[:g.IntN(3)])
			}
			req.ID = fmt.Sprintf("%032x", i)
			record, _, err := d.log.Record(t.Context(), d.ask(t, caller, req).Entry.Index)
			must(t, err)
			records = append(records, record)
		}
		for range 30 { // edits, revocations, deletions
			d.send(t, g.step())
		}
		d.send(t, g.directory()...)
		d.send(t, catalog.PutSource{Source: "wiki", Settings: catalog.SourceSettings{AccessBound: time.Duration(g.IntN(2)) * time.Hour}})
		d.Embedder, d.Weight = embedder, 0.123 // which is configured anew, and pinned by the record
		p := d.replayer(t)
		for _, record := range records {
			o, err := d.replay(t, p, g.caller(), record)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, record.ID, err)
			}
			if !o.Matches() || encoded(t, o.Record) != encoded(t, record) {
				t.Fatalf("seed %d: %+v differs from its record\n%+v\nin %q and\n%+v", seed, o.Record.Retrieval, record.Retrieval, o.Fields, o.Ranks)
			}
			replays, passages = replays+1, passages+len(o.Ranks)
			degraded += min(1, len(record.Retrieval.Degradations))
			withheld += len(record.Retrieval.Withheld)
			now := d.ask(t, identityOf(record), retriever.Request{Query: record.Retrieval.Query})
			if len(now.Results) != len(o.Ranks) {
				changed++
			}
		}
	}
	if testing.Short() {
		return // too few to ask for some of everything
	}
	if replays < 100 || passages == 0 || degraded == 0 || withheld == 0 || changed == 0 {
		t.Errorf("%d replays of %d passages, %d degraded, %d withheld, %d that would be answered otherwise now: too little is tried", replays, passages, degraded, withheld, changed)
	}
	prove.Report(t, "replays match the record", "%d worlds, %d retrievals replayed after the world had changed, %d passages equal down to the bits of the scores, 0 differences", worlds, replays, passages)
}

// unable is an embedder that is down.
var unable = embedder(func(context.Context, []string) ([][]float32, error) { return nil, errors.New("down") })

func identityOf(r audit.Record) acl.Identity {
	c := acl.DefaultScale.UpTo("restricted")
	return acl.Identity{User: acl.Principal(r.User), App: acl.Principal(r.App), Clearance: c, Scope: acl.Scope{AllSources: true, Clearance: c}}
}

// What is forged in a record, and what is forged in the history, shows: each at its place.
func TestReplaysShowWhatDiffers(t *testing.T) {
	d := newDesk(t)
	d.send(t, page("a.md", "Leave", "Parental leave is fourteen days.", acl.Everyone), page("b.md", "Leave", "Parental leave of managers.", acl.Everyone),
		page("c.md", "Leave", "Parental leave of captains.", mallory.User))
	a := d.ask(t, ada, retriever.Request{Query: "parental leave fourteen", Limit: 10})
	record, _, err := d.log.Record(t.Context(), a.Entry.Index)
	must(t, err)
	p := d.replayer(t)
	for name, c := range map[string]struct {
		forge  func(r *audit.Retrieval)
		fields []string   // of the answer
		ranks  [][]string // of the passages
	}{
		"nothing":           {func(*audit.Retrieval) {}, nil, [][]string{nil, nil}},
		"a score":           {func(r *audit.Retrieval) { r.Sources[0].Score += 1e-15 }, nil, [][]string{{"score"}, nil}},
		"a content hash":    {func(r *audit.Retrieval) { r.Sources[1].ContentHash = strings.Repeat("0", 64) }, nil, [][]string{nil, {"content_hash"}}},
		"policies":          {func(r *audit.Retrieval) { r.Sources[1].Policies = "" }, nil, [][]string{nil, {"policies"}}},
		"a passage is out":  {func(r *audit.Retrieval) { r.Sources = r.Sources[:1] }, nil, [][]string{nil, {"-recorded"}}},
		"a passage is in":   {func(r *audit.Retrieval) { r.Sources = append(r.Sources, r.Sources[0]) }, nil, [][]string{nil, nil, {"-replayed"}}},
		"the query":         {func(r *audit.Retrieval) { r.QueryHash = "hash of something else" }, []string{"query_hash"}, [][]string{nil, nil}},
		"a conflict":        {func(r *audit.Retrieval) { r.Conflicts += 3 }, []string{"conflicts"}, [][]string{nil, nil}},
		"who could read it": {func(r *audit.Retrieval) { r.Caller.Scope.Sources, r.Caller.Scope.AllSources = []string{"wiki"}, false }, nil, [][]string{{"-replayed"}, {"-replayed"}}},
		"a withheld source": {func(r *audit.Retrieval) { r.Withheld = []string{"wiki"} }, []string{"withheld"}, [][]string{nil, nil}},
	} {
		forged := clone(t, record)
		c.forge(forged.Retrieval)
		o, err := d.replay(t, p, ada, forged)
		must(t, err)
		var ranks [][]string
		for _, r := range o.Ranks {
			switch {
			case r.Recorded == nil:
				r.Fields = []string{"-recorded"}
			case r.Replayed == nil:
				r.Fields = []string{"-replayed"}
			}
			ranks = append(ranks, r.Fields)
		}
		if !reflect.DeepEqual(o.Fields, c.fields) || !reflect.DeepEqual(ranks, c.ranks) || o.Matches() != (name == "nothing") {
			t.Errorf("%s: fields %q, ranks %q, matches: %t", name, o.Fields, ranks, o.Matches())
		}
	}
}

// Titles and texts are for those alone whom the policy admits now and, of what was edited,
// admitted then.
func TestReplaysShowTextToReaders(t *testing.T) {
	d := newDesk(t)
	d.send(t, page("open.md", "Leave", "Parental leave is fourteen days.", acl.Everyone), page("ada.md", "Leave of Ada", "Parental leave of Ada.", ada.User),
		page("opened.md", "Leave of captains", "Parental leave of captains: secret.", ada.User))
	a := d.ask(t, ada, retriever.Request{Query: "parental leave", Limit: 10})
	record, _, err := d.log.Record(t.Context(), a.Entry.Index)
	must(t, err)
	d.send(t, func() catalog.Mutation {
		m := page("opened.md", "Leave of captains", "Parental leave of captains.", acl.Everyone)
		m.Document.Version, m.Access.Version = 2, 2
		return m
	}())
	p := d.replayer(t)
	shown := func(auditor acl.Identity) (list []string) {
		o, err := d.replay(t, p, auditor, record)
		must(t, err)
		if len(o.Ranks) != 3 || !o.Matches() {
			t.Fatalf("%d ranks, matches: %t", len(o.Ranks), o.Matches())
		}
		for _, r := range o.Ranks {
			if (r.Title == "") != (r.Text == "") {
				t.Errorf("the title %q with the text %q", r.Title, r.Text)
			}
			if r.Text != "" {
				list = append(list, r.Replayed.ID)
			}
		}
		slices.Sort(list)
		return list
	}
	if got := shown(mallory); !slices.Equal(got, []string{"open.md"}) {
		t.Errorf("mallory is shown %q", got)
	}
	if got := shown(ada); !slices.Equal(got, []string{"ada.md", "open.md", "opened.md"}) {
		t.Errorf("ada is shown %q", got)
	}
}

// What cannot be replayed is refused, and says why.
func TestReplaysAreRefused(t *testing.T) {
	d := newDesk(t)
	d.send(t, page("a.md", "Leave", "Parental leave is fourteen days.", acl.Everyone), page("b.md", "Leave", "Parental leave of managers.", acl.Everyone))
	a := d.ask(t, ada, retriever.Request{Query: "parental leave", Limit: 10})
	record, _, err := d.log.Record(t.Context(), a.Entry.Index)
	must(t, err)
	for want, forge := range map[string]func(r *audit.Record){
		"no retrieval":            func(r *audit.Record) { r.Retrieval = nil },
		"older server":            func(r *audit.Record) { r.Retrieval.Caller.Scope = nil },
		"an older server":         func(r *audit.Record) { r.Retrieval.Caller = nil },
		"this server ranks by":    func(r *audit.Record) { r.Retrieval.Ranking = "tf-idf" },
		"this server embeds in":   func(r *audit.Record) { r.Retrieval.VectorSpace = "another" },
		"query is not recorded":   func(r *audit.Record) { r.Retrieval.Query = "" },
		"the hash alone":          func(r *audit.Record) { r.Retrieval.Options = []byte(`{"Limit":10,"VectorHash":"x"}`) },
		"recorded options":        func(r *audit.Record) { r.Retrieval.Options = []byte(`{"Limit":10,"From":-1}`) },
		"options are not ones":    func(r *audit.Record) { r.Retrieval.Options = []byte(`{"Limit":10,"Later":true}`) },
		"was empty":               func(r *audit.Record) { r.Retrieval.Revision = 0 },
		"came from is not":        func(r *audit.Record) { r.Groups = nil },
		"came from \"elsewhere\"": func(r *audit.Record) { r.Groups = &audit.Groups{From: "elsewhere"} },
		"of which 1 are": func(r *audit.Record) {
			r.Groups = &audit.Groups{From: audit.FromClaim, Count: 2, Listed: []string{"group:x"}}
		},
		"of the recorded hash": func(r *audit.Record) {
			r.Groups = &audit.Groups{From: audit.FromClaim, Count: 1, Listed: []string{"group:x"}}
		},
		"cannot be resolved": func(r *audit.Record) { r.App = "nobody" },
		"after the other":    func(r *audit.Record) { r.Retrieval.Degradations = []string{"KEYWORD_REBUILDING", "VECTOR_REBUILDING"} },
	} {
		forged := clone(t, record)
		forge(&forged)
		_, err := d.replay(t, d.replayer(t), ada, forged)
		if e, ok := errors.AsType[*replay.Unsupported](err); !ok || !strings.Contains(e.Why, want) {
			t.Errorf("%s: %v", want, err)
		}
	}

	refused := func(want error, edit func(p *replay.Replayer), forge func(r *audit.Record)) {
		t.Helper()
		p, forged := d.replayer(t), clone(t, record)
		edit(p)
		forge(&forged)
		if _, err := d.replay(t, p, ada, forged); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	as := func(*audit.Record) {}
	refused(replay.ErrTooLarge, func(p *replay.Replayer) { p.Room.Passages = 1 }, as)
	refused(nil, func(p *replay.Replayer) { p.Room.Passages = 2 }, as)
	refused(replay.ErrTooLarge, func(p *replay.Replayer) { p.Room.Bytes = 100 }, as)
	refused(replay.ErrTooLong, func(p *replay.Replayer) { p.Time = 1 }, as)
	refused(catalog.ErrFuture, func(*replay.Replayer) {}, func(r *audit.Record) { r.Retrieval.Revision = 1 << 40 })
	refused(replay.ErrEmbedder, func(p *replay.Replayer) { r := *d.Retriever; r.Embedder, p.Retriever = unable, &r }, as)
}

// One replay is made at a time: another waits for it, but not for ever.
func TestReplaysTakeTurns(t *testing.T) {
	d := newDesk(t)
	d.send(t, page("a.md", "Leave", "Parental leave is fourteen days.", acl.Everyone))
	record, _, err := d.log.Record(t.Context(), d.ask(t, ada, retriever.Request{Query: "parental leave"}).Entry.Index)
	must(t, err)
	p := d.replayer(t)
	begun, end := make(chan struct{}), make(chan struct{})
	indexes := p.Indexes
	p.Indexes = func() (indexer.Index, indexer.Index, func() error, error) {
		begun <- struct{}{}
		<-end
		return indexes()
	}
	done := make(chan error, 2)
	replay1 := func() { _, err := d.replay(t, p, ada, record); done <- err }
	go replay1()
	<-begun
	p.Patience = time.Millisecond
	if _, err := d.replay(t, p, ada, record); !errors.Is(err, replay.ErrBusy) {
		t.Errorf("the second beside the first: %v, want ErrBusy", err)
	}
	p.Patience = 0
	go replay1()
	end <- struct{}{}
	<-begun // the other's turn
	end <- struct{}{}
	for range 2 {
		must(t, <-done)
	}
}

// clone is a copy of the record that shares nothing with it.
func clone(t *testing.T, r audit.Record) (c audit.Record) {
	t.Helper()
	must(t, json.Unmarshal([]byte(encoded(t, r)), &c))
	return c
}

func encoded(t *testing.T, r audit.Record) string {
	t.Helper()
	b, err := json.Marshal(r)
	must(t, err)
	return string(b)
}
