package retriever_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// office is a desk at which several clients change who may read, and read, side by side.
// Its catalog is the real one, in a file: acknowledgements wait for the disk.
type office struct {
	*desk
	begin    time.Time
	papers   [papers]struct{ content, access atomic.Int64 } // versions given out
	folders  [3]atomic.Int64
	mu       sync.Mutex
	history  []deed
	failures []error
	herald   *heralding
}

func newOffice(t *testing.T) *office {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "catalog"), bolt.Options{})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	h := &heralding{store, make(chan struct{}), make(chan struct{})}
	o := &office{desk: newDeskOn(t, h), begin: time.Now(), herald: h}
	o.States = pinning{o.States, h}
	return o
}

// heralding is a store that says when a new state is about to be published, which is when
// the indexer takes the snapshot for it. The moment is short, and reads that fall into it
// are those that could see too little or too much; so it lasts until one has begun.
type heralding struct {
	catalog.Store
	moment chan struct{}
	pinned chan struct{}
}

// Snapshot implements catalog.Store.
func (h *heralding) Snapshot(ctx context.Context, at catalog.Revision) (catalog.Snapshot, error) {
	s, err := h.Store.Snapshot(ctx, at)
	bound := time.After(2 * time.Millisecond)
	select {
	case h.moment <- struct{}{}:
		select {
		case <-h.pinned:
		case <-bound:
		}
	case <-bound:
	}
	return s, err
}

// pinning tells the store when a read has begun.
type pinning struct {
	retriever.States
	herald *heralding
}

// Pin implements retriever.States.
func (p pinning) Pin(ctx context.Context, atLeast catalog.Revision) (*indexer.State, error) {
	s, err := p.States.Pin(ctx, atLeast)
	select {
	case p.herald.pinned <- struct{}{}:
	default:
	}
	return s, err
}

// wait returns when a state is about to be published, or after a while.
func (h *heralding) wait() {
	select {
	case <-h.moment:
	case <-time.After(100 * time.Millisecond):
	}
}

// work lets clients do that many things in all, and returns the history. Half of them
// write, and look at once whether what they were told is in force is so; the others only
// read, and most when the state is about to change.
//
// The first of the history is not random: everything is there once, so that the clients
// do not spend their time with documents that have not arrived.
func (o *office) work(t *testing.T, seed uint64, things int) []deed {
	t.Helper()
	const clients = 6
	for _, a := range o.opening() {
		o.do(t.Context(), clients, a)
	}
	var left atomic.Int64
	left.Store(int64(things - len(o.history)))
	var running sync.WaitGroup
	for client := range clients {
		running.Go(func() {
			var last act
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			for turn := 0; left.Add(-1) >= 0; turn++ {
				switch {
				case client%2 > 0:
					if turn%3 == 0 {
						o.herald.wait()
					}
					last = o.read(random, random.IntN(papers))
				case turn%2 == 0:
					last = o.change(random)
				default:
					last = o.read(random, last.paper)
				}
				if !o.do(t.Context(), client, last) {
					return
				}
			}
		})
	}
	running.Wait()
	for _, err := range o.failures {
		t.Error(err)
	}
	return o.history
}

// opening brings everything in once.
func (o *office) opening() (list []act) {
	for i := range teams {
		list = append(list, act{kind: team, target: i, members: 0b0011 << i})
	}
	for i := 1; i < len(folders); i++ {
		list = append(list, act{kind: folder, target: i, version: 1, policy: 1})
	}
	for i := range papers {
		list = append(list,
			act{kind: access, paper: i, target: i % len(folders), version: 1, policy: 1},
			act{kind: put, paper: i, version: 1})
	}
	return list
}

// read makes up a look at the paper, or at everything.
func (o *office) read(random *rand.Rand, paper int) act {
	a := act{kind: open, reader: random.IntN(len(readers)), paper: paper}
	if random.IntN(3) == 0 {
		a.kind = find
	}
	return a
}

// change makes up something to send.
func (o *office) change(random *rand.Rand) act {
	a := act{paper: random.IntN(papers), policy: choice(random.IntN(len(menu)))}
	switch n := random.IntN(100); {
	case n < 30:
		a.kind, a.version = put, version(random, &o.papers[a.paper].content)
	case n < 40:
		a.kind, a.version = remove, version(random, &o.papers[a.paper].content)
	case n < 70:
		// A policy that is left out keeps the old one, so a document always names one.
		a.kind, a.policy, a.target = access, max(a.policy, 1), random.IntN(len(folders))
		a.version = version(random, &o.papers[a.paper].access)
	case n < 85:
		a.kind, a.target = folder, 1+random.IntN(len(folders)-1)
		a.version = version(random, &o.folders[a.target])
	default:
		a.kind, a.target, a.members = team, random.IntN(len(teams)), uint8(random.IntN(8))
		if a.target == 1 {
			a.members |= uint8(random.IntN(2)) << len(readers)
		}
	}
	return a
}

// version gives out one that nobody has had. Some lie ahead of a few that come later: those
// are too late.
func version(random *rand.Rand, given *atomic.Int64) int64 {
	n, ahead := given.Add(1), int64(0)
	if random.IntN(5) == 0 {
		ahead = random.Int64N(4)
	}
	return (n+ahead)*100_000 + n
}

// do does it, notes it, and reports whether it could be done.
func (o *office) do(ctx context.Context, client int, a act) bool {
	d := deed{act: a, client: client, from: time.Since(o.begin)}
	var err error
	switch a.kind {
	case find:
		d.everything, err = o.find(ctx, person(readers[a.reader]))
	case open:
		d.result, err = o.open(ctx, person(readers[a.reader]), a.paper)
	default:
		d.result, err = o.write(ctx, a)
	}
	d.to = time.Since(o.begin)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failures = append(o.failures, fmt.Errorf("%v: %w", a, err))
		return false
	}
	o.history = append(o.history, d)
	return true
}

func paperID(paper int) catalog.DocumentID {
	return catalog.DocumentID{Source: "handbook", ID: fmt.Sprintf("paper-%d.md", paper)}
}

func paperText(paper int, version int64) string {
	return fmt.Sprintf("Notice %d for the ferry. This is edition%d of the notice.", paper, version)
}

func (o *office) find(ctx context.Context, caller acl.Identity) (got [papers]result, err error) {
	a, err := o.Retrieve(ctx, caller, retriever.Request{ID: "request", Query: "ferry notice", Limit: 100})
	if err != nil {
		return got, err
	}
	for _, r := range a.Results {
		for i := range got {
			if r.Document.DocumentID != paperID(i) {
				continue
			}
			if r.Passage.ID.Version != r.Document.Version || !strings.Contains(paperText(i, r.Document.Version), r.Passage.Text) {
				return got, fmt.Errorf("paper %d in version %d comes with the text %q", i, r.Document.Version, r.Passage.Text)
			}
			got[i] = result{visible: true, version: r.Document.Version}
		}
	}
	return got, nil
}

func (o *office) open(ctx context.Context, caller acl.Identity, paper int) (result, error) {
	d, err := o.Document(ctx, caller, paperID(paper), retriever.Request{ID: "request"})
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return result{}, nil
	case err == nil && d.Text != paperText(paper, d.Version):
		return result{}, fmt.Errorf("version %d comes with the text %q", d.Version, d.Text)
	}
	return result{visible: true, version: d.Version}, err
}

// write sends the line and returns when it is acknowledged.
func (o *office) write(ctx context.Context, a act) (result, error) {
	prepared, err := o.indexer.Prepare(ctx, a.line())
	if err != nil {
		return result{}, err
	}
	ticket, err := o.indexer.Submit(ctx, indexer.Actor{}, prepared, catalog.Request{})
	if err != nil {
		return result{}, err
	}
	out, _, err := ticket.Wait(ctx)
	if out.Refused != nil && !errors.Is(out.Refused, catalog.ErrVersionStale) {
		return result{}, out.Refused
	}
	return result{refused: out.Refused != nil || out.AccessKept}, err
}

// line is a write as the feed has it.
func (a act) line() catalog.Mutation {
	switch a.kind {
	case put:
		return catalog.PutDocument{
			Document: catalog.Document{DocumentID: paperID(a.paper), Version: a.version, Title: "Notice", MIME: "text/plain"},
			Text:     paperText(a.paper, a.version),
		}
	case remove:
		return catalog.DeleteDocument{Document: paperID(a.paper), Version: a.version}
	case access:
		return catalog.PutAccess{Document: paperID(a.paper), Access: catalog.AccessPatch{
			Version: a.version, Policy: menu[a.policy].policy, Container: &folders[a.target],
		}}
	case folder:
		return catalog.PutContainer{Container: catalog.Container{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: folders[a.target]}, Version: a.version, Policy: menu[a.policy].policy,
		}}
	default:
		return catalog.PutGroup{Group: acl.Principal(teams[a.target]), Members: members(a.members)}
	}
}
