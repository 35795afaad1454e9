package main

import (
	"fmt"
	"io"
	"sync"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// maxRefusals is how many refused items are printed one by one.
const maxRefusals = 100

// tally counts what became of items, and prints the refused ones.
type tally struct {
	progress *progress
	refusals io.Writer

	mu                          sync.Mutex
	applied, unchanged, refused int
	notices                     map[pb.IngestResponse_Notice]int
}

// count counts an item that was not refused.
func (t *tally) count(ack *pb.IngestResponse) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ack.GetStatus() == pb.IngestResponse_STATUS_APPLIED {
		t.applied++
	} else {
		t.unchanged++
	}
	t.note(ack)
}

// note counts the notices of an acknowledgement.
func (t *tally) note(ack *pb.IngestResponse) {
	if t.notices == nil {
		t.notices = map[pb.IngestResponse_Notice]int{}
	}
	for _, n := range ack.GetNotices() {
		t.notices[n]++
	}
	t.progress.step(t.applied + t.unchanged + t.refused)
}

// refuse counts an item that was refused, by the server if there is an acknowledgement,
// and prints why.
func (t *tally) refuse(where, why string, ack *pb.IngestResponse) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused++
	if t.refused <= maxRefusals {
		t.progress.clear()
		fmt.Fprintf(t.refusals, "%s: refused: %s\n", where, why)
	}
	if t.refused == maxRefusals {
		fmt.Fprintln(t.refusals, "further refused lines are only counted")
	}
	t.note(ack)
}

func (t *tally) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.applied + t.unchanged + t.refused
}

// parts are the counts, each in words.
func (t *tally) parts() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	parts := []string{fmt.Sprintf("%d applied", t.applied), fmt.Sprintf("%d unchanged", t.unchanged), fmt.Sprintf("%d refused", t.refused)}
	for _, n := range []struct {
		notice pb.IngestResponse_Notice
		text   string
	}{
		{pb.IngestResponse_NOTICE_ACCESS_KEPT, "kept newer access"},
		{pb.IngestResponse_NOTICE_UNKNOWN_CONTAINER, "in an unknown container (readable by nobody until it comes)"},
		{pb.IngestResponse_NOTICE_NO_POLICY, "without a policy (readable by nobody)"},
		{pb.IngestResponse_NOTICE_CLOSED, "refused for who may read, and closed to everybody"},
		{pb.IngestResponse_NOTICE_PENDING_EMBEDDING, "waiting for their vectors (found by their words meanwhile)"},
	} {
		if c := t.notices[n.notice]; c > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c, n.text))
		}
	}
	return parts
}
