package bolt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/catalog"
)

// examinerVariable makes of the test a process that examines files.
const examinerVariable = "MUNIMENT_TEST_EXAMINER"

// examination is what a process says of a file, in two parts: first what it reads, so that
// this is heard should the rest end the process.
type examination struct {
	Refused string            // why it was not opened
	Answers map[string]string // what was read
	Wrong   string            // anything that must not happen

	Found string            // by the check
	Later map[string]string // what was read after commits
	Done  bool
}

// examine opens a file, tells what it reads there, then checks it and commits to it.
func examine(path string, documents int, tell func(examination)) {
	var e examination
	wrong := func(what string, err error) {
		if err != nil && !errors.Is(err, catalog.ErrDamaged) {
			e.Wrong = fmt.Sprintf("%s: %v", what, err)
		}
	}
	s, err := Open(path, Options{noSync: true, tight: true, Retention: 3})
	if err != nil {
		wrong("opening", err)
		e.Refused, e.Done = err.Error(), true
		tell(e)
		return
	}
	defer s.Close()
	e.Answers = everything(s, documents)
	tell(e)
	e.Answers, e.Done = nil, true
	if err := s.Check(context.Background(), nil); err != nil {
		wrong("checking", err)
		e.Found = err.Error()
	}
	for i := range 5 {
		_, err := s.Commit(context.Background(), catalog.Commit{Mutations: []catalog.Mutation{line(fmt.Sprint("new", i), 9)}})
		wrong("committing", err)
	}
	e.Later = everything(s, documents)
	tell(e)
}

// examineAll is the process: it examines the files that it is told of, one a line.
func examineAll(in io.Reader, out io.Writer) error {
	debug.SetMaxStack(64 << 20)
	encoder := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var documents int
		count, path, _ := strings.Cut(lines.Text(), " ")
		if _, err := fmt.Sscan(count, &documents); err != nil {
			return err
		}
		var err error
		examine(path, documents, func(e examination) { err = errors.Join(err, encoder.Encode(e)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// examiner is such a process, begun again whenever damage has ended it.
type examiner struct {
	t       *testing.T
	process *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	failure bytes.Buffer
}

func newExaminer(t *testing.T) *examiner {
	x := &examiner{t: t}
	x.begin()
	t.Cleanup(func() { x.in.Close(); x.process.Wait() })
	return x
}

func (x *examiner) begin() {
	x.t.Helper()
	x.process = exec.Command(os.Args[0])
	x.process.Env = append(os.Environ(), examinerVariable+"=1", "GORACE=atexit_sleep_ms=0")
	x.failure.Reset()
	x.process.Stderr = &x.failure
	out, err := x.process.StdoutPipe()
	if err == nil {
		x.in, err = x.process.StdinPipe()
	}
	if err == nil {
		err = x.process.Start()
	}
	if err != nil {
		x.t.Fatal(err)
	}
	x.out = json.NewDecoder(out)
}

// examined examines a file. If the process ended meanwhile, crash says why, and the
// examination is what it had said until then. More time than anything takes is a crash too.
func (x *examiner) examined(path string, documents int) (e examination, crash string) {
	x.t.Helper()
	fmt.Fprintln(x.in, documents, path)
	process := x.process.Process
	hangs := time.AfterFunc(2*time.Minute, func() { process.Kill() })
	defer hangs.Stop()
	for !e.Done {
		var next examination
		if err := x.out.Decode(&next); err != nil {
			ended := x.process.Wait()
			if !hangs.Stop() {
				x.t.Fatalf("examining %s does not come to an end", path)
			}
			crash = x.crash(ended)
			x.begin()
			return e, crash
		}
		if next.Answers == nil {
			next.Answers = e.Answers
		}
		e = next
	}
	return e, ""
}

// crash says why the process ended. A panic is a mistake: it should have been contained.
func (x *examiner) crash(ended error) string {
	x.t.Helper()
	for text := range strings.Lines(x.failure.String()) {
		if strings.HasPrefix(text, "panic:") {
			x.t.Fatalf("a panic was not contained: %s", x.failure.String())
		}
		if strings.HasPrefix(text, "fatal error:") || strings.HasPrefix(text, "runtime:") {
			return strings.TrimSpace(text)
		}
	}
	x.t.Fatalf("the process ended with %v: %s", ended, x.failure.String())
	return ""
}
