package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// scene is how a life begins, and whether the server is asked to stop at its end.
type scene string

const (
	runs     scene = "running"
	starts   scene = "first start" // of a directory
	rebuilds scene = "index gone"  // it has to be rebuilt
	stops    scene = "stopping"
)

var scenes = []scene{runs, starts, rebuilds, stops}

// death is how a life ends: at a failpoint, the n-th time that the server comes there, or
// else at a random moment of a phase, or else, calmly, when the work is done.
type death struct {
	scene     scene
	failpoint string
	hit       int
	during    phase
}

// phase is a part of a life.
type phase string

const (
	opening  phase = "while it opened"
	checking phase = "while it was checked"
	working  phase = "while it worked"
	ending   phase = "while it stopped"
	calmly   phase = ""
)

// How much happens in a life: acknowledgements and answers. The rest are times, of which
// only a part passes between the event that a death was planned for and the death.
const (
	lifeWork = 250
	lifeTime = 10 * time.Second // after which it is over in any case
	lastTime = 3 * time.Millisecond
	stopTime = 50 * time.Millisecond
)

// life starts a server, checks what it has kept, lets clients work with it, kills it, and
// compares what it has left with the model. It returns how often the server came to each
// failpoint.
func (h *house) life(d death) (passed map[string]int) {
	h.lives++
	notes := filepath.Join(h.scratch, "passed")
	write(h.t, notes, "")
	if d.scene == rebuilds {
		h.removeIndex()
	}
	env := []string{passedVariable + "=" + notes, failpointVariable + "=" + d.failpoint, hitVariable + "=" + strconv.Itoa(d.hit)}
	v := startVictim(h.t, h.program, h.dir, env, func(v *victim) {
		if d.during == opening {
			v.killWithin(h.rand, h.opening+h.opening/5)
		}
	})
	came := opening
	if v.serving {
		h.note(func() { h.openings = append(h.openings, v.opening) })
		if v.opening > openingLimit && *crashEach > 0 {
			h.fault(slow, "%v", v.opening)
		}
		h.opening = v.opening
		came = checking
		if h.check(v, false, d.during == checking) {
			came = h.work(v, d)
		}
	}
	how := v.wait()
	passed = h.passed(notes)
	where := string(came)
	if d.failpoint != "" && passed[d.failpoint] >= d.hit {
		where = d.failpoint
	}
	h.ended(v, how, where)
	h.settled()
	return passed
}

// work has all clients at work until the server dies or it is time, and returns the phase
// that the life came to.
func (h *house) work(v *victim, d death) phase {
	if !h.furnish(v) {
		return working
	}
	over := make(chan struct{})
	var clients sync.WaitGroup
	for _, l := range h.lanes {
		again := l.again()
		if h.rand.IntN(2) == 0 { // some clients never learn what became of it
			again = nil
		}
		clients.Go(func() {
			l.work(v, each(again, func() *pb.IngestRequest {
				select {
				case <-over:
					return nil
				default:
					return l.invent()
				}
			}))
		})
	}
	for range 2 {
		rng := rand.New(rand.NewPCG(h.rand.Uint64(), 1))
		clients.Go(func() { h.ask(v, rng, over) })
	}
	events := lifeWork
	switch {
	case d.during == working:
		events = 1 + h.rand.IntN(lifeWork)
	case d.failpoint != "":
		events = 4 * lifeWork
	}
	enough := make(chan struct{})
	v.light(events, func() { close(enough) })
	came := working
	select {
	case <-v.ended:
	case <-enough:
	case <-time.After(lifeTime):
	}
	switch {
	case d.scene == stops:
		came = ending
		v.terminate()
		if d.during != calmly {
			v.killWithin(h.rand, stopTime)
		}
	case d.during == working:
		v.killWithin(h.rand, lastTime)
		<-v.ended
	default:
		v.kill()
	}
	close(over)
	clients.Wait()
	return came
}

// ended takes down how the server ended, and in which phase or at which failpoint.
func (h *house) ended(v *victim, how end, where string) {
	log := v.log.String()
	h.note(func() {
		h.discarded += strings.Count(log, "index discarded")
		switch {
		case how != byKill:
		case strings.Contains(where, "/"):
			h.at[where]++
		default:
			h.random[where]++
		}
	})
	if how == byItself {
		h.fault(broken, "a server ended by itself, %s, with %v:\n%s", where, v.process.ProcessState, tail(log))
	}
}

// passed counts the failpoints that a server has noted.
func (h *house) passed(notes string) map[string]int {
	text, err := os.ReadFile(notes)
	if err != nil {
		h.t.Fatal(err)
	}
	count := map[string]int{}
	for name := range strings.FieldsSeq(string(text)) {
		count[name]++
	}
	return count
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
