package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/prove"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// secret is something that requests name. All names are of one length.
type secret struct {
	what       string
	source, id string
	session    string
	receipt    string
	record     string // the id of one in the audit log
	exists     bool   // for those who oversee its source
	appOnly    bool   // hidden only from those who come through the app
}

// secretCaller is somebody from whom the targets are hidden, with roles that may let them
// see more of some.
type secretCaller struct {
	name  string
	token identity.Request
	// except names the methods that the roles are for, with what may differ there: "all", or
	// "existing", which are the targets that exist and those of other sources, or "elsewhere", which
	// are the latter alone. The reason is in the comment.
	except map[protoreflect.FullName]string
}

// A job is told what is stored of its own source: LEAK-13 demands no more than that the ids
// are its own.
var ownSource = map[protoreflect.FullName]string{
	"muniment.v1.IngestionService.Ingest": "all", "muniment.v1.SourceService.SetSource": "all", "muniment.v1.SourceService.StartSync": "all",
	"muniment.v1.SourceService.CommitSync": "all", "muniment.v1.SourceService.AbortSync": "all",
}

// Overseers are told who may read what there is, in sources that they oversee, and stewards who has.
var oversees = map[protoreflect.FullName]string{
	"muniment.v1.AccessService.ExplainAccess": "existing", "muniment.v1.AccessService.PreviewAccessChange": "existing",
	"muniment.v1.SourceService.SetSource":           "all",
	"muniment.v1.AuditService.TraceDocument":        "existing",
	"muniment.v1.StewardshipService.VerifyDocument": "elsewhere",
}

func secretCallers() []secretCaller {
	as := func(name string, r identity.Request, except map[protoreflect.FullName]string, roles ...string) secretCaller {
		for _, role := range roles {
			g, err := identity.ParseRole(role)
			if err != nil {
				panic(err)
			}
			r.Roles = append(r.Roles, g)
		}
		return secretCaller{name, r, except}
	}
	ada := identity.Request{Subject: "user:local/ada"}
	return []secretCaller{
		as("no role", ada, nil),
		as("a guest", identity.Request{Subject: "user:local/ada", Guest: true}, nil),
		as("an app without the source", identity.Request{Subject: "user:local/ada", App: "handbook-chat"}, nil),
		as("a service", identity.Request{Subject: "service:screens"}, nil),
		as("ingest:handbook", ada, nil, "ingest:handbook"),
		as("steward:handbook", ada, nil, "steward:handbook"),
		as("all roles for handbook", identity.Request{Subject: "service:connector"}, nil, "ingest:handbook", "steward:handbook"),
		as("auditor", ada, map[protoreflect.FullName]string{ // receipts and records are for auditors
			"muniment.v1.AuditService.GetRecord": "existing", "muniment.v1.AuditService.ListRecords": "all",
			"muniment.v1.AuditService.TraceAnswer": "existing", "muniment.v1.AuditService.TraceDocument": "existing",
			"muniment.v1.AuditService.ReplayRetrieval": "existing",
		}, "auditor"),
		as("directory", ada, map[protoreflect.FullName]string{
			"muniment.v1.DirectoryService.GetGroup": "all", // groups are no secret from the directory's own
		}, "directory"),
		as("ingest:finance", ada, ownSource, "ingest:finance"),
		as("ingest", ada, ownSource, "ingest"),
		as("steward:finance", ada, oversees, "steward:finance"),
		as("steward", ada, oversees, "steward"),
		as("admin", ada, map[protoreflect.FullName]string{
			"muniment.v1.AccessService.ExplainAccess": "existing", "muniment.v1.AccessService.PreviewAccessChange": "existing",
		}, "admin"),
	}
}

// TestExistenceIsSecret asks about things that are hidden in all the ways there are, that
// are deleted, that never were, and that are of a source nobody has heard of: whoever asks,
// and by whatever method that takes a name, reading or writing, gets one and the same
// answer, once the name itself is taken out of it (LEAK-11). So it is if the rest of the
// request is malformed: that the caller may not ask comes first (LEAK-12).
func TestExistenceIsSecret(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	targets := secretTargets(t, s)
	probes := secretProbes()
	demandEveryName(t, probes)
	callers := secretCallers()
	answers, exempt := 0, 0
	for i, c := range callers {
		ctx := s.as(c.token)
		for j, p := range probes {
			var first heard
			var firstAsked secret
			for k, x := range targets {
				if !prove.Long() && k > 0 && (i+j+k)%3 > 0 {
					continue // each target has its turn with other probes and callers
				}
				except := c.except[p.method.FullName()]
				elsewhere := x.source != "finance" && strings.HasSuffix(c.name, ":finance") // where the role is not for
				if except == "all" || except == "existing" && x.exists || except != "" && elsewhere || x.appOnly && c.token.App == "" {
					exempt++
					continue
				}
				h := s.hear(ctx, worldCall{p.method, p.make(x)}).without(x)
				if answers++; first.what == "" {
					first, firstAsked = h, x
					continue
				}
				h.mustBe(t, first, fmt.Sprintf("%s, %s: %s and %s can be told apart", c.name, p.name, firstAsked.what, x.what))
			}
		}
	}
	if answers < len(callers)*len(probes)*len(targets)*prove.Count(1, 3)/4 {
		t.Errorf("only %d answers were compared, and %d exempt", answers, exempt)
	}
	prove.Report(t, "existence is secret", "%d answers to %d callers by %d probes of %d methods about %d hidden, deleted and never-existing things, 0 differences (%d exempt: asked by the role that the method is for)",
		answers, len(callers), len(probes), probedMethods(probes), len(targets), exempt)
}

// without takes what the target is called out of what was heard, and when a preview was made.
func (h heard) without(x secret) heard {
	if preview, ok := h.message.(*pb.PreviewAccessChangeResponse); ok {
		preview.Time = nil
		h.wire = wireOf(preview)
	}
	for _, name := range []string{x.source, x.id, x.session, x.receipt, x.record} {
		h.wire = strings.ReplaceAll(h.wire, name, strings.Repeat("*", len(name)))
		h.metadata = strings.ReplaceAll(h.metadata, name, strings.Repeat("*", len(name)))
	}
	return h
}

// secretTargets stores what is hidden from user:local/ada, and returns it with what is not
// there at all.
func secretTargets(t *testing.T, s *server) []secret {
	t.Helper()
	doc := func(id string, edit func(*pb.Document)) *pb.IngestRequest {
		d := &pb.Document{Source: "finance", Id: id, Version: 5, Title: "The plan", Text: "The merger is planned for May.", Uri: "https://finance.example/plan"}
		edit(d)
		return documentItem(d)
	}
	by := func(p *pb.Policy) func(*pb.Document) { return func(d *pb.Document) { d.Policy = p } }
	denied := everyone()
	denied.Layers[0].Deny = grants("user:local/ada", "service:screens", "service:connector")
	over := allow("everyone", "user:local/ada", "service:screens")
	for _, g := range over.GetLayers()[0].GetAllow() {
		g.NotAfter = timestamppb.New(timeLongAgo)
	}
	gone := func(id string) *pb.IngestRequest {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "finance", Id: id, Version: 6}}}
	}
	box := func(id string, p *pb.Policy) *pb.IngestRequest {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "finance", Id: id, Version: 3, Policy: p}}}
	}
	s.mustSend(
		documentItem(&pb.Document{Source: "handbook", Id: "open", Version: 1, Text: "The plan for the ferry.", Policy: allow("everyone", "service:screens", "user:local/ada")}),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:plan-1", Members: []string{"user:local/bo"}}}},
		box("plan-1", allow("user:local/bo")), box("plan-2", denied),
		doc("plan-1", by(allow("user:local/bo"))), doc("plan-2", by(denied)), doc("plan-3", by(over)),
		doc("plan-4", func(d *pb.Document) {
			d.Policy, d.Sensitivity = allow("everyone", "service:screens", "user:local/ada"), new("restricted")
		}),
		doc("plan-5", by(everyone())), gone("plan-5"), doc("plan-6", by(allow("user:local/bo"))), gone("plan-6"),
		&pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "finance", Id: "plan-7", AccessVersion: 2, Policy: everyone()}}},
		doc("plan-8", by(nil)), doc("plan-0", by(allow("everyone"))),
		doc("plan-a", func(d *pb.Document) { d.Policy, d.Container = everyone(), new("plan-1") }), // in a closed folder
		doc("plan-b", func(d *pb.Document) { d.Policy, d.Container = everyone(), new("nobox") }),  // in one that never came
	)
	bo := s.user("user:local/bo")
	read, err := s.documents().GetDocument(bo, &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: "finance", Id: "plan-1"}})
	if err != nil {
		t.Fatal(err)
	}
	session, err := pb.NewSourceServiceClient(s.conn).StartSync(s.job(), &pb.StartSyncRequest{Source: "finance"})
	if err != nil {
		t.Fatal(err)
	}
	asked, err := s.retrieval().Retrieve(bo, &pb.RetrieveRequest{Query: "plan"})
	if err != nil {
		t.Fatal(err)
	}
	receipt, open, record := read.GetReceipt(), session.GetSession().GetId(), asked.GetRetrievalId()
	noReceipt, noSession, noRecord := strings.Repeat("x", len(receipt)), strings.Repeat("x", len(open)), strings.Repeat("0", len(record))
	list := []secret{
		{what: "one that never was", id: "plan-9"},
		{what: "one for another person", id: "plan-1", exists: true, receipt: receipt, session: open, record: record},
		{what: "one that denies", id: "plan-2", exists: true},
		{what: "one whose grant is over", id: "plan-3", exists: true},
		{what: "one with a higher label", id: "plan-4", exists: true},
		{what: "a deleted one", id: "plan-5"},
		{what: "a deleted one that was hidden", id: "plan-6"},
		{what: "one of which only the access came", id: "plan-7"},
		{what: "one without a policy", id: "plan-8", exists: true},
		{what: "one in a closed container", id: "plan-a", exists: true},
		{what: "one in an unknown container", id: "plan-b", exists: true},
		{what: "one out of the app's reach", id: "plan-0", exists: true, appOnly: true},
		{what: "one of an unknown source", source: "nowhere", id: "plan-9"},
		{what: "one of an unknown source, by the id of one that exists", source: "nowhere", id: "plan-1"},
	}
	for i := range list {
		x := &list[i]
		if x.source == "" {
			x.source = "finance"
		}
		if x.receipt == "" {
			x.receipt = noReceipt
		}
		if x.record == "" {
			x.record = noRecord
		}
		if x.session == "" {
			x.session = noSession
		}
		if _, err := s.documents().GetDocument(s.user("user:local/ada"), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: x.source, Id: x.id}}); (err == nil) != x.appOnly {
			t.Fatalf("%s: %v", x.what, err)
		}
	}
	return list
}

// TestSessionsOfOthers has a job try to commit and abort, on its own source, sessions that
// are another's, have ended, or never were.
func TestSessionsOfOthers(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	source := pb.NewSourceServiceClient(s.conn)
	own, err := identity.ParseRole("ingest:handbook")
	if err != nil {
		t.Fatal(err)
	}
	handbook := s.as(identity.Request{Subject: "service:handbook", Roles: []identity.Grant{own}})
	open := func(ctx context.Context, name string) string {
		t.Helper()
		resp, err := source.StartSync(ctx, &pb.StartSyncRequest{Source: name})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetSession().GetId()
	}
	ended := open(handbook, "handbook")
	if _, err := source.AbortSync(handbook, &pb.AbortSyncRequest{Source: "handbook", Session: ended}); err != nil {
		t.Fatal(err)
	}
	others := open(s.job(), "finance")
	methods := contract(t)
	for _, name := range []protoreflect.FullName{"muniment.v1.SourceService.CommitSync", "muniment.v1.SourceService.AbortSync"} {
		var first heard
		for _, session := range []string{strings.Repeat("x", len(ended)), ended, others} {
			req := one(&pb.CommitSyncRequest{Source: "handbook", Session: session})
			if strings.HasSuffix(string(name), "AbortSync") {
				req = one(&pb.AbortSyncRequest{Source: "handbook", Session: session})
			}
			h := s.hear(handbook, worldCall{methods[name], req})
			if first.what == "" {
				first = h
			}
			h.mustBe(t, first, "sessions that never were, have ended and are another's can be told apart")
		}
	}
	if _, err := source.AbortSync(s.job(), &pb.AbortSyncRequest{Source: "finance", Session: others}); err != nil {
		t.Errorf("the other's session did not survive: %v", err)
	}
}
