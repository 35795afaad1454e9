package keyword

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/muniment/muniment/indexer"
)

// sight is all that a view says, for comparison.
type sight struct {
	Statistics statistics
	Windows    [][]*window
}

func sightOf(v *view) sight {
	s := sight{Statistics: v.statistics}
	for _, in := range v.shown {
		s.Windows = append(s.Windows, in.windows)
	}
	return s
}

// A view that is brought along is what is made of nothing but the reader's segments and
// the rows in view, whatever has changed since, also if what was kept is the newer one.
func TestViewsAreBroughtAlong(t *testing.T) {
	shared, made := 0, 0
	for seed := range uint64(4) {
		l := newLibrary(t, 100+seed)
		type edition struct {
			*reader
			table *indexer.Table
		}
		var editions []edition
		l.step(t, 9000, 0, 0)
		earlier := map[int]*view{}
		for step := range 15 {
			switch l.IntN(5) {
			case 4:
				l.apply(t)
			case 0:
				l.step(t, 1+l.IntN(3000), l.IntN(3), 0)
			case 1:
				l.step(t, 0, 1+l.IntN(300), 0)
			case 2:
				l.step(t, 0, 0, 1+l.IntN(3))
			default:
				l.step(t, 1, 1, 1)
			}
			if step%6 == 5 {
				l.merge(t)
			}
			editions = append(editions, edition{l.reader(t), l.table})
			for range 6 {
				e := editions[len(editions)-1]
				if l.IntN(4) == 0 {
					e = editions[l.IntN(len(editions))]
				}
				share := shares[l.IntN(len(shares))]
				v := visible(t, e.table, reads(share))
				got, want := e.index.views.get(e.number, e.segments, v), newView(e.segments, v, nil)
				if diff := cmp.Diff(sightOf(want), sightOf(got), cmp.AllowUnexported(statistics{}, window{}), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("seed %d, step %d, share %d (- made at once, + brought along):\n%s", seed, step, share, diff)
				}
				if e.index.views.get(e.number, e.segments, v) != got {
					t.Error("a view is made again for the same reader and caller")
				}
				for i, in := range got.shown {
					for j, w := range in.windows {
						made++
						if before := earlier[share]; before != nil && w != nil && i < len(before.shown) && before.shown[i].of == in.of && before.shown[i].windows[j] == w {
							shared++
						}
					}
				}
				earlier[share] = got
			}
		}
	}
	if shared == 0 || shared == made {
		t.Errorf("%d of %d windows are those of before", shared, made)
	}
}

// The views take no more than they may, the newest stays, and those of a thousand callers
// at 200,000 passages, which are what the room was made for, all stay.
func TestViewsAreKeptUpToTheirBytes(t *testing.T) {
	full := &shown{of: &columns{}}
	for range 200_000/windowDocs + 20 {
		full.windows = append(full.windows, &window{})
	}
	v := &view{shown: []*shown{full}}
	for range 200_000/indexer.ChunkRows + 1 {
		v.chunks = append(v.chunks, &indexer.Chunk{})
	}
	c := newViewCache()
	put := func(i int) *cachedView {
		next := &cachedView{key: sha256.Sum256(fmt.Append(nil, i)), view: v, bytes: v.bytes()}
		c.put(next)
		return next
	}
	for i := range 1000 {
		put(i)
	}
	if n := len(c.views); n != 1000 {
		t.Errorf("of 1000 views %d are kept", n)
	}
	for i := range 10_000 {
		if newest := put(i); c.find(newest) != newest {
			t.Fatal("the newest view is not kept")
		}
		if c.bytes > c.most || len(c.views) != c.order.Len() || c.bytes != len(c.views)*v.bytes() {
			t.Fatalf("%d views and %d in order take %d bytes, counted are %d of %d", len(c.views), c.order.Len(), len(c.views)*v.bytes(), c.bytes, c.most)
		}
	}
	c.most = 1
	if alone := put(-1); c.find(alone) != alone || len(c.views) != 1 {
		t.Error("a view that takes more than there is room for is not kept, or others are")
	}
}

// A batch applied twice deletes passages whose rows stay in view: they are in another
// segment now.
func TestViewsAreBroughtAlongPastAReplay(t *testing.T) {
	l := newLibrary(t, 300)
	l.step(t, 5000, 0, 0)
	for range 3 {
		r := l.reader(t)
		v := visible(t, l.table, reads(900))
		if got := l.index.views.get(r.number, r.segments, v); got.passages != uint64(v.Len()) {
			t.Fatalf("%d passages are shown of %d in view", got.passages, v.Len())
		}
		l.batch.Add = l.batch.Add[:len(l.batch.Add)/2]
		l.apply(t)
	}
}
