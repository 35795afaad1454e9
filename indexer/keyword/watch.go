package keyword

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"
)

// guarded turns a panic into an error. Scorch trusts its files: where bytes are not what
// it wrote, it reads beyond slices, and beyond the end of a file that got shorter.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

// watchName is the name under which scorch finds complain and attend. Scorch has one table
// of each sort for the whole process, to be filled before it is used.
const watchName = "muniment keyword"

func init() {
	scorch.RegistryAsyncErrorCallbacks[watchName] = complain
	scorch.RegistryEventCallbacks[watchName] = attend
}

// watched are the stores in use, by directory.
var watched sync.Map

type watch struct {
	index *Index
	store *store
}

func (x *Index) watch(s *store) { watched.Store(x.dir, watch{x, s}) }

// complain hears of errors on scorch's own goroutines. After a panic these are dead, and
// what waits for them waits for ever. Other errors, such as a full disk, reach the batch.
func complain(err error, dir string) {
	w, ok := watched.Load(dir)
	if !ok {
		return
	}
	at := w.(watch)
	switch {
	case errors.Is(err, scorch.ErrAsyncPanic):
		at.index.damage(at.store, err)
	case at.store.failure() == nil: // scorch tries again and again; once is enough
		at.index.log.Error("keyword index failed in the background", "dir", dir, "error", err)
	}
}

// attend is called on scorch's goroutines before and after they merge and after they
// persist. It makes a fault there a panic, which scorch recovers from; else one truncated
// file would end the process. It never asks scorch to wait.
func attend(e scorch.Event) bool {
	// failpoint: keyword/scorch
	debug.SetPanicOnFault(true)
	if e.Kind == scorch.EventKindMergeTaskIntroduction {
		watched.Range(func(_, w any) bool {
			x := w.(watch).index
			x.preparations.Go(func() { x.prepare(e.Scorch) })
			return true
		})
	}
	return true
}

// background is goroutines that are waited for. Unlike a sync.WaitGroup's, its Go may be called
// while somebody waits: it begins after that.
type background struct {
	mu    sync.Mutex
	group sync.WaitGroup
}

// Go runs f on a goroutine.
func (b *background) Go(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.group.Go(f)
}

// Wait waits for the goroutines that have begun.
func (b *background) Wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.group.Wait()
}
