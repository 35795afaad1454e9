package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// inspect has a server run through, with every client finishing what it has begun, and
// looks at all there is: what everybody may read, the audit log, and whether the answers
// are those of a server that builds its indexes anew from the same catalog, and of one that
// was only ever told how things are now.
func (h *house) inspect(compare bool) {
	v := h.start(h.dir)
	if !v.serving || !h.furnish(v) || !h.finish(v) {
		h.fault(broken, "a server that nobody kills: %v\n%s", v.process.ProcessState, tail(v.log.String()))
		v.kill()
		v.wait()
		return
	}
	h.check(v, true, false)
	var here []heard
	if compare {
		here = h.answersOf(v)
	}
	h.stop(v)
	h.settled()
	h.checkRecords()
	if !compare {
		return
	}
	copied := h.t.TempDir()
	if err := copyWithout(h.dir, copied, "index"); err != nil {
		h.t.Fatal(err)
	}
	rebuilt := h.start(copied)
	h.compare("the indexes were kept, and rebuilt", here, h.answersOf(rebuilt))
	h.stop(rebuilt)

	told := h.start(h.sibling())
	told.mustSend(h.lines()...)
	h.compare("the server was killed again and again, and never", here, h.answersOf(told))
	h.stop(told)
}

// start starts a server that is not to be killed.
func (h *house) start(dir string) *victim {
	v := startVictim(h.t, h.program, dir, nil, nil)
	if !v.serving {
		h.fault(broken, "a server does not start:\n%s", tail(v.log.String()))
	}
	return v
}

// stop ends a server as an operator does.
func (h *house) stop(v *victim) {
	v.terminate()
	if v.wait() != asAsked {
		h.fault(broken, "a server that was asked to stop ended with %v:\n%s", v.process.ProcessState, tail(v.log.String()))
	}
}

// sibling is an empty directory with the same configuration.
func (h *house) sibling() string {
	dir := h.t.TempDir()
	config, err := os.ReadFile(filepath.Join(h.dir, "muniment.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	write(h.t, filepath.Join(dir, "muniment.yaml"), string(config))
	return dir
}

// answersOf puts questions of everybody to the server, once its indexes are whole.
func (h *house) answersOf(v *victim) (list []heard) {
	whole := func() bool {
		got, err := v.retrieval().Retrieve(v.as(crashAskers[0].token), &pb.RetrieveRequest{Query: crashWord})
		return err == nil && len(got.GetDegradations()) == 0
	}
	for end := time.Now().Add(20 * time.Second); !whole(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.fault(broken, "the indexes are not whole after 20 seconds:\n%s", tail(v.log.String()))
			return nil
		}
	}
	w := newWorld(5)
	for _, asker := range crashAskers {
		for range 8 {
			req := &pb.RetrieveRequest{Query: w.text(1 + w.IntN(4)), Limit: int32(pick(w, 3, 10, 100)), Filter: &pb.Filter{}}
			if w.IntN(3) == 0 {
				req.Filter.Sources = []string{pick(w, crashSources...)}
			}
			list = append(list, v.call(v.as(asker.token), pb.RetrievalService_Retrieve_FullMethodName, req, &pb.RetrieveResponse{}))
		}
	}
	return list
}

// compare reports where the answers of two servers differ.
func (h *house) compare(how string, a, b []heard) {
	if len(a) != len(b) {
		return // said already
	}
	for i := range a {
		h.note(func() { h.comparisons++ })
		if !a[i].is(b[i]) {
			h.fault(differing, "%s: %s\n%.1500s\n--- and ---\n%.1500s", how, a[i].what, a[i].text(h.t), b[i].text(h.t))
		}
	}
}

// copyWithout copies a directory without one entry.
func copyWithout(from, to, without string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, from)
		switch {
		case name == string(filepath.Separator)+without:
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(to+name, 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to+name, content, 0o600)
	})
}
