//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestExampleInGo builds the example, follows its README, and asks as several people.
func TestExampleInGo(t *testing.T) {
	t.Parallel()
	dir := deskDir(t)
	desk := filepath.Join(dir, "bin", "desk")
	build := exec.Command("go", "build", "-o", desk, "../../examples/go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	followReadme(t, "../../examples/go/README.md", "go", dir)
	testDesk(t, desk)
	testDeskOverTLS(t, desk)
}

// TestExampleInNode does the same with the example for Node.js, if its packages are there.
func TestExampleInNode(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("Node.js is not installed")
	}
	if _, err := os.Stat("../../examples/node/node_modules/@grpc/grpc-js"); err != nil {
		t.Skip("the example's packages are not there: npm ci --prefix examples/node fetches them from the registry")
	}
	dir := deskDir(t)
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	followReadme(t, "../../examples/node/README.md", "node", dir)
	testDesk(t, "node", filepath.Join(examples, "node", "desk.js"))
	testDeskOverTLS(t, "node", filepath.Join(examples, "node", "desk.js"))
}

// deskDir is a directory like a checkout in which the examples are run.
func deskDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS(testdata)); err != nil {
		t.Fatal(err)
	}
	return dir
}

var (
	deskCaller   = regexp.MustCompile(`(?m)^(user:\S+), through (service:\S+): `)
	deskDocument = regexp.MustCompile(`(?m)^\d+\. ([^:]+): `)
	deskPassage  = regexp.MustCompile(`(?m)^   \| (.*)$`)
	deskID       = regexp.MustCompile(`(?m)^retrieval ([0-9a-f]{32})$`)
)

// testDesk runs an app against a server that holds the company, on behalf of people who may
// read different things, and compares what it prints with what the server answers each of
// them, and what it keeps with the record.
func testDesk(t *testing.T, command ...string) {
	s, dir := startServer(t, t.TempDir()), t.TempDir()
	s.mustSend(company(t)...)
	if got := program(t, "protoset", filepath.Join(dir, "muniment.protoset")); got.code != 0 {
		t.Fatal(got.stderr)
	}
	session := func(name string, r identity.Request) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(s.token(r)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	of := func(name string) identity.Request {
		return identity.Request{Subject: acl.Principal("user:local/" + name), App: "desk"}
	}
	own := "DESK_TOKEN=" + s.token(identity.Request{Subject: "service:desk", App: "desk"})
	shown := map[string]bool{} // the hashes of all answers
	// desk returns what it prints for each person.
	desk := func(env, question string, people ...string) (answers []string) {
		args := append(slices.Clone(command[1:]), question)
		for _, name := range people {
			args = append(args, session(name+".token", of(name)))
		}
		out, errs, err := runDesk(dir, []string{"MUNIMENT_ADDR=" + s.addr, env}, command[0], args...)
		if err != nil {
			t.Fatalf("%q for %v: %v\n%s", question, people, err, errs)
		}
		begins := deskCaller.FindAllStringIndex(out, -1)
		if len(begins) != len(people) {
			t.Fatalf("%q for %v: %d answers\n%s", question, people, len(begins), out)
		}
		for i, b := range begins {
			end := len(out)
			if i+1 < len(begins) {
				end = begins[i+1][0]
			}
			answers = append(answers, out[b[0]:end])
			if id := deskID.FindStringIndex(out[b[0]:end]); id != nil { // behind what is shown of the answer
				shown[fmt.Sprintf("%x", sha256.Sum256([]byte(out[b[0]:b[0]+id[0]])))] = true
			}
		}
		return answers
	}

	const bids, receipts = "Which yard made the lowest bid for the Whimbrel refit?", "Within how many days must I hand in receipts for travel expenses?"
	for _, c := range []struct {
		env, question, person, has, hasNot string
	}{
		{"", bids, "tomas", "Cold Quay Yard", "not been announced"},
		{"", bids, "cedric", "not been announced", "Cold Quay"},
		{own, bids, "tomas", "Cold Quay Yard", "not been announced"},
		{own, bids, "cedric", "not been announced", "Cold Quay"},
		{"", receipts, "bram", "conflict between 1 and 2: «30 days» against «14 days»", "Cold Quay"},
		{"", receipts, "cedric", "30 days", "14 days"},
	} {
		got := desk(c.env, c.question, c.person)[0]
		if !strings.Contains(got, c.has) || strings.Contains(got, c.hasNot) {
			t.Errorf("%s asks %q: want %q and not %q\n%s", c.person, c.question, c.has, c.hasNot, got)
		}
		if caller := deskCaller.FindStringSubmatch(got); caller[1] != "user:local/"+c.person || caller[2] != "service:desk" {
			t.Errorf("for %s the server took it for %v", c.person, caller[1:])
		}
		s.sameAnswer(of(c.person), c.question, got)
	}

	if both := desk("", bids, "tomas", "cedric"); quotedBy(both[0]) == quotedBy(both[1]) {
		t.Errorf("Tomas and Cedric get one answer:\n%s", both[0])
	}
	s.keptAnswers(filepath.Join(dir, "answers.jsonl"), 8, shown)

	// A token of Tomas that another app was given is of no use to this one.
	stolen := session("stolen", identity.Request{Subject: "user:local/tomas", App: "handbook-chat"})
	out, errs, err := runDesk(dir, []string{"MUNIMENT_ADDR=" + s.addr, own}, command[0], append(slices.Clone(command[1:]), bids, stolen)...)
	if err == nil || out != "" || !strings.Contains(errs, identity.ReasonUnbound) {
		t.Errorf("with another app's token: %v\n%s%s", err, out, errs)
	}
	// By itself it works, and shows what that app may reach: the handbook alone.
	out, errs, err = runDesk(dir, []string{"MUNIMENT_ADDR=" + s.addr}, command[0], append(slices.Clone(command[1:]), bids, stolen)...)
	reached := deskDocument.FindAllStringSubmatch(out, -1)
	if err != nil || len(reached) == 0 || slices.ContainsFunc(reached, func(m []string) bool { return !strings.HasPrefix(m[1], "handbook/") }) {
		t.Errorf("Tomas through an app for the handbook: %v\n%s%s", err, out, errs)
	}
}

// testDeskOverTLS runs an app against a server with TLS: it believes the CA that it is given
// and no other.
func testDeskOverTLS(t *testing.T, command ...string) {
	ca, dir := newCA(t), t.TempDir()
	certificate, key := ca.sign(t, 2, nil)
	for name, data := range map[string][]byte{"server.pem": certificate, "server.key": key, "ca.pem": ca.pem, "other.pem": newCA(t).pem} {
		replaceFile(t, filepath.Join(dir, name), data)
	}
	cfg := testConfig(filepath.Join(dir, "data"))
	cfg.TLS = &tlsConfig{Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key")}
	s := serveConfig(t, cfg)
	if got := program(t, "protoset", filepath.Join(dir, "muniment.protoset")); got.code != 0 {
		t.Fatal(got.stderr)
	}
	replaceFile(t, filepath.Join(dir, "ada.token"), []byte(s.token(identity.Request{Subject: "user:local/ada", App: "desk"})))
	for name, works := range map[string]bool{"ca.pem": true, "other.pem": false} {
		env := []string{"MUNIMENT_ADDR=" + s.addr, "MUNIMENT_CA=" + filepath.Join(dir, name)}
		out, errs, err := runDesk(dir, env, command[0], append(slices.Clone(command[1:]), "ferry", "ada.token")...)
		if (err == nil) != works || deskID.MatchString(out) != works {
			t.Errorf("with %s: %v\n%s%s", name, err, out, errs)
		}
	}
}

func runDesk(dir string, env []string, name string, args ...string) (out, errs string, err error) {
	c := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, append(os.Environ(), env...), &stdout, &stderr
	err = c.Run()
	return stdout.String(), stderr.String(), err
}

// quotedBy is what an answer quotes.
func quotedBy(printed string) string {
	var list []string
	for _, m := range deskPassage.FindAllStringSubmatch(printed, -1) {
		list = append(list, strings.Fields(m[1])...)
	}
	return strings.Join(list, " ")
}

// sameAnswer compares what an app printed with what the server answers its user.
func (s *server) sameAnswer(r identity.Request, question, printed string) {
	s.t.Helper()
	want, err := s.retrieval().Retrieve(s.as(r), &pb.RetrieveRequest{Query: question, Limit: 2})
	if err != nil {
		s.t.Fatal(err)
	}
	var text, documents, shown []string
	for _, result := range want.GetResults() {
		text = append(text, strings.Fields(result.GetText())...)
		documents = append(documents, result.GetDocument().GetSource()+"/"+result.GetDocument().GetId())
		if line := strings.TrimPrefix(result.GetFreshness().GetState().String(), "STATE_") + ": " + result.GetFreshness().GetReason(); !strings.Contains(printed, line) {
			s.t.Errorf("%s is not told %q\n%s", r.Subject, line, printed)
		}
	}
	for _, m := range deskDocument.FindAllStringSubmatch(printed, -1) {
		shown = append(shown, m[1])
	}
	if !slices.Equal(documents, shown) || strings.Join(text, " ") != quotedBy(printed) {
		s.t.Errorf("%s is answered %v\n%s\nand shown\n%s", r.Subject, documents, strings.Join(text, " "), printed)
	}
	if n := strings.Count(printed, "\nconflict between "); n != len(want.GetConflicts()) || !deskID.MatchString(printed) {
		s.t.Errorf("%s is shown %d conflicts, want %d, and a retrieval_id\n%s", r.Subject, n, len(want.GetConflicts()), printed)
	}
}

// keptAnswers compares what an app kept of its answers with the audit log: what was retrieved,
// and what was shown, whose texts have the hashes.
func (s *server) keptAnswers(file string, n int, shown map[string]bool) {
	s.t.Helper()
	kept, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := bytes.Count(kept, []byte("\n")); got != n {
		s.t.Errorf("%d answers kept, want %d", got, n)
	}
	auditor := s.as(identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	find := func(receipt string) (record audit.Record) {
		s.t.Helper()
		got, err := pb.NewAuditServiceClient(s.conn).GetRecord(auditor, &pb.GetRecordRequest{Receipt: receipt})
		if err == nil {
			err = json.Unmarshal([]byte(got.GetRecord()), &record)
		}
		if err != nil {
			s.t.Errorf("the receipt %s: %v", receipt, err)
		}
		return record
	}
	for l := range bytes.Lines(kept) {
		var answer struct {
			User    string `json:"user"`
			ID      string `json:"retrieval_id"`
			Receipt string `json:"receipt"`

			AnswerID      string `json:"answer_id"`
			AnswerReceipt string `json:"answer_receipt"`
		}
		if err := json.Unmarshal(l, &answer); err != nil {
			s.t.Fatal(err)
		}
		record, report := find(answer.Receipt), find(answer.AnswerReceipt)
		if record.ID != answer.ID || record.User != answer.User || record.App != "service:desk" || record.Retrieval == nil {
			s.t.Errorf("kept %s, recorded %+v", l, record)
			continue
		}
		a := report.Answer
		if report.ID != answer.AnswerID || report.User != answer.User || report.App != "service:desk" || a == nil {
			s.t.Errorf("kept %s, reported %+v", l, report)
			continue
		}
		if !slices.Equal(a.Retrievals, []string{answer.ID}) || a.Outcome != "SHOWN" || !shown[a.Hash] || len(a.Citations) != len(record.Retrieval.Sources) {
			s.t.Errorf("kept %s, reported %+v", l, *a)
		}
		for i, c := range a.Citations {
			if c.Retrieval != answer.ID || c.Rank != record.Retrieval.Sources[i].Rank {
				s.t.Errorf("citation %d of %s is %+v", i, answer.AnswerID, c)
			}
		}
	}
}
