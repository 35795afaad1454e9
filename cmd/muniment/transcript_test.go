package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/prove"
)

var update = flag.Bool("update", false, "write what comes out into testdata/transcripts")

// TestTranscripts runs the stories in testdata/transcripts against a real server. Each is a
// list of blocks: comments, commands, a line "----", and what they print. The commands:
//
//	as PRINCIPAL [clearance=LABEL] [app=NAME] [guest] [role=ROLE]…   who asks from here on
//	ask "QUESTION" [limit=N] [source=S] [container=S/ID] [label=K=V] [owner=P]
//	get SOURCE ID
//	find, may                                                         ask and get, told briefly
//	tell "ANSWER" [CITED]…                                            reports an answer made from what was asked last
//	trace, answers SOURCE ID                                          what that rests on; the answers that cite a document
//	conflicts [all], settle N VERDICT ["NOTE"]                        what contradicts what; settles the N-th that was listed last
//	work [KIND]…                                                      what there is to mend
//	who                                                               whom the server takes the caller for
//	ingest LINE | ingest company                                      lines of a feed, sent by a job that may send all
//	send LINE                                                         the same, sent by whoever asks
//	restart                                                           the server stops and starts again
//	wait                                                              until the instant $SOON, which lines may name
//
// Every ask and get is asked again of a server that never held what its asker may not read
// at that moment, and must give the same bytes.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata, "transcripts", "*.txt"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	var compared atomic.Int64
	t.Cleanup(func() { // when all that run side by side have ended
		prove.Report(t, "transcripts", "%d stories, each replayed without what is hidden from whoever asks: %d answers compared, 0 differences", len(files), compared.Load())
	})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			blocks := readTranscript(t, file)
			for soon := 2 * time.Second; ; soon *= 3 {
				outputs, inTime := runTranscript(t, blocks, soon, &compared)
				if !inTime && soon < time.Minute {
					continue // a slow machine: what should come before the instant came after it
				}
				checkTranscript(t, file, blocks, outputs)
				return
			}
		})
	}
}

// block is some commands and what they print.
type block struct {
	comments []string
	commands []string
	want     string
	line     int // of the first command
}

func readTranscript(t *testing.T, file string) (blocks []block) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var b block
	expecting := false
	flush := func() {
		if len(b.commands)+len(b.comments) > 0 {
			blocks = append(blocks, b)
		}
		b, expecting = block{}, false
	}
	for n := 1; lines.Scan(); n++ {
		switch l := lines.Text(); {
		case l == "":
			flush()
		case expecting:
			b.want += l + "\n"
		case l == "----":
			expecting = true
		case strings.HasPrefix(l, "#"):
			b.comments = append(b.comments, l)
		default:
			if b.commands = append(b.commands, l); len(b.commands) == 1 {
				b.line = n
			}
		}
	}
	flush()
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return blocks
}

func checkTranscript(t *testing.T, file string, blocks []block, outputs []string) {
	t.Helper()
	if *update {
		var text []string
		for i, b := range blocks {
			part := append([]string{}, b.comments...)
			part = append(part, b.commands...)
			if len(b.commands) > 0 {
				part = append(part, "----\n"+strings.TrimSuffix(outputs[i], "\n"))
			}
			text = append(text, strings.TrimSuffix(strings.Join(part, "\n"), "\n")+"\n")
		}
		if err := os.WriteFile(file, []byte(strings.Join(text, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, b := range blocks {
		if outputs[i] != b.want {
			t.Errorf("%s:%d:\n%s\n---- expected\n%s---- got\n%s", filepath.Base(file), b.line, strings.Join(b.commands, "\n"), b.want, outputs[i])
		}
	}
}

// runTranscript runs the blocks on servers of their own and returns what each printed, and
// whether nothing that stands before "wait" was answered after $SOON.
func runTranscript(t *testing.T, blocks []block, soon time.Duration, compared *atomic.Int64) (outputs []string, inTime bool) {
	r := newTranscriptRun(t, soon)
	r.compared = compared
	defer r.close()
	for _, b := range blocks {
		var out strings.Builder
		for _, command := range b.commands {
			if err := r.run(&out, command); err != nil {
				t.Fatalf("line %d: %s: %v", b.line, command, err)
			}
		}
		outputs = append(outputs, out.String())
	}
	r.askEverybodyEverything()
	return outputs, !r.late
}

// words splits a command at spaces outside double quotes, which it takes away.
func words(command string) (list []string, err error) {
	var word strings.Builder
	quoted, open := false, false
	for _, c := range command + " " {
		switch {
		case c == '"':
			quoted, open = !quoted, true
		case c == ' ' && !quoted:
			if open {
				list = append(list, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is not closed")
	}
	return list, nil
}

// parseAsker reads what follows "as".
func parseAsker(args []string) (r identity.Request, err error) {
	if len(args) == 0 {
		return r, fmt.Errorf("as whom?")
	}
	r.Subject = acl.Principal(args[0])
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "clearance":
			r.Clearance = value
		case "app":
			r.App = value
		case "guest":
			r.Guest = true
		case "role":
			g, err := identity.ParseRole(value)
			if err != nil {
				return r, err
			}
			r.Roles = append(r.Roles, g)
		default:
			return r, fmt.Errorf("as knows no %q", arg)
		}
	}
	return r, nil
}
