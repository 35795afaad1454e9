package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// checkRecords verifies the audit log that a server has left which ended as asked, and
// looks in it for every answer that was received and every change that was made.
func (h *house) checkRecords() {
	if text, code, err := h.program.run("audit", "verify", "--data", h.dir); err != nil || code != exitOK {
		h.fault(broken, "audit verify: exit code %d, %v\n%s", code, err, text)
	}
	export, code, err := h.program.run("audit", "export", "--data", h.dir)
	if err != nil || code != exitOK {
		h.fault(broken, "audit export: exit code %d, %v\n%s", code, err, tail(export))
		return
	}
	answers, changes := map[string]int{}, map[string]int{}
	for line := range strings.Lines(export) {
		var entry struct {
			Body struct {
				ID, Kind string
				Change   struct{ Op, Source, ID string }
			}
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			h.fault(broken, "a line of the export: %v: %.200s", err, line)
			return
		}
		if c := entry.Body.Change; entry.Body.Kind == "change" {
			changes[fmt.Sprint(c.Op, " ", c.Source, "/", c.ID)]++
		} else {
			answers[entry.Body.ID]++
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, what := range h.answers {
		h.counted("the answer to "+what, answers[id], 1)
	}
	made := 0
	for name, n := range h.recorded {
		h.counted(name, changes[name], n)
		delete(changes, name)
		made += n
	}
	for name, n := range changes {
		h.counted(name, n, 0)
	}
	h.note(func() {
		h.logs++
		h.answersLookedFor += len(h.answers) - h.looked.answers
		h.changesLookedFor += made - h.looked.changes
	})
	h.looked.answers, h.looked.changes = len(h.answers), made
}

// counted reports what the log does not say as often as it should.
func (h *house) counted(what string, times, want int) {
	switch {
	case times < want:
		h.fault(unrecorded, "%s is recorded %d times, not %d", what, times, want)
	case times > want:
		h.fault(doubled, "%s is recorded %d times, not %d", what, times, want)
	}
}
