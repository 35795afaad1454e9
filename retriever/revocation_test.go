package retriever_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// TestRevocation: a change that has been acknowledged is seen by every read that begins
// later. Clients change policies, groups, folders and documents and read them, all side by
// side; then porcupine looks for an order of it all that explains every answer and in which
// nothing comes before what had ended when it began. Lines about content and about who may
// read race for one document (ACL-14): neither is lost, and the older of two changes nothing.
func TestRevocation(t *testing.T) {
	things := prove.Count(1500, 20_000)
	const each = 2000
	var reads, writes, late, absent int
	for seed := uint64(1); things > 0; seed++ {
		history := newOffice(t).work(t, seed, min(things, each))
		things -= len(history)
		if t.Failed() {
			return
		}
		if reader, paper, small := wrong(t, history); small != nil {
			t.Fatalf("seed %d: %s", seed, tell(reader, paper, small))
		}
		for _, d := range history {
			switch {
			case d.kind == find:
				reads++
			case d.kind == open && !d.result.visible:
				absent++
				reads++
			case d.kind == open:
				reads++
			case d.result.refused:
				late++
				writes++
			default:
				writes++
			}
		}
	}
	t.Logf("%d writes, %d of them too late, %d reads, %d of a document that is not there", writes, late, reads, absent)
	// An order is easy to find where little happens.
	if writes < reads/10 || late == 0 || absent < reads/20 {
		t.Errorf("the histories are too plain to prove anything: %d writes, %d too late, %d reads, %d of nothing", writes, late, reads, absent)
	}
	prove.Report(t, "revocation", "%d operations (%d changes, %d reads), 0 out of order", writes+reads, writes, reads)
}

// TestStaleViewIsNoticed puts a cache of 200 µs before the published state, which is what
// somebody would do who finds pinning slow. TestRevocation must be able to tell. Where all
// is slower than usual, as under the race detector, reads seldom begin so soon after an
// acknowledgement; if nothing is noticed, the cache grows with the time that all takes.
func TestStaleViewIsNoticed(t *testing.T) {
	const histories = 30
	for seed := uint64(1); seed <= histories; seed++ {
		o := newOffice(t)
		stale := &stale{States: o.indexer, age: 200 * time.Microsecond}
		if !prove.Long() {
			stale.age <<= (seed - 1) / 3
		}
		o.States = pinning{stale, o.herald}
		history := o.work(t, seed, 400)
		stale.close()
		if t.Failed() {
			return
		}
		if reader, paper, small := wrong(t, history); small != nil {
			story := tell(reader, paper, small)
			t.Logf("history %d, %s old: %s", seed, stale.age, story)
			if lines := strings.Count(story, "\n"); lines > 30 {
				t.Errorf("a history of %d lines is not for reading", lines)
			}
			prove.Report(t, "revocation", "a cache of %s noticed in history %d", stale.age, seed)
			return
		}
	}
	t.Errorf("%d histories with stale views, and nobody noticed", histories)
}

// stale hands out a state again for as long as its age allows.
type stale struct {
	retriever.States
	age   time.Duration
	mu    sync.Mutex
	held  []*indexer.State
	taken time.Time
}

// Pin returns a copy of the state that nobody needs to release.
func (s *stale) Pin(ctx context.Context, atLeast catalog.Revision) (*indexer.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) == 0 || time.Since(s.taken) > s.age {
		pinned, err := s.States.Pin(ctx, atLeast)
		if err != nil {
			return nil, err
		}
		s.held, s.taken = append(s.held, pinned), time.Now()
	}
	newest := s.held[len(s.held)-1]
	return &indexer.State{Snapshot: newest.Snapshot, Table: newest.Table, Keyword: newest.Keyword, Vector: newest.Vector}, nil
}

func (s *stale) close() {
	for _, state := range s.held {
		state.Release()
	}
}
