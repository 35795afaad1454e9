package vector

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// encoders make the codes of frames' vectors on all processors, while the next frames are
// read. Large frames are handed over in parts. The decoder whose memory a frame's vectors are
// in comes back for another once the last part is done.
//
// Slots are given out by the reader alone, in order, so that the outcome does not depend on
// which code is made first. Nobody may read codes before wait returns.
type encoders struct {
	work chan encoding
	free chan *decoder
	done sync.WaitGroup
}

// encoding is what a part of a frame leaves to be done.
type encoding struct {
	places  []place
	decoder *decoder
	left    *atomic.Int32 // parts of the frame
}

// place is where the code of a vector goes.
type place struct {
	block  *block
	i      int
	turn   *rotation
	vector *addition
}

func newEncoders() *encoders {
	n := runtime.GOMAXPROCS(0)
	e := &encoders{work: make(chan encoding, n), free: make(chan *decoder, 2*n+1)}
	for range cap(e.free) {
		e.free <- new(decoder)
	}
	for range n {
		e.done.Go(func() {
			var with coder
			for w := range e.work {
				for _, p := range w.places {
					p.encode(&with)
				}
				if w.left.Add(-1) == 0 {
					e.free <- w.decoder
				}
			}
		})
	}
	return e
}

// add hands over a frame.
func (e *encoders) add(places []place, d *decoder) {
	const part = 512
	left := new(atomic.Int32)
	left.Store(int32((len(places) + part - 1) / part))
	if len(places) == 0 {
		e.free <- d
	}
	for list := range slices.Chunk(places, part) {
		e.work <- encoding{list, d, left}
	}
}

// wait waits until all codes are made.
func (e *encoders) wait() {
	close(e.work)
	e.done.Wait()
}

// encode makes the code of the place's vector.
func (p *place) encode(with *coder) {
	b, w := p.block, p.turn.width
	b.numbers[p.i] = with.encode(p.turn, p.vector.vector, b.values[p.i*w:][:w], b.sketches[p.i*w/64:][:w/64])
	b.numbers[p.i].sum = p.vector.sum
}
