package api_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// everyRole lists the roles as the contract spells them in its options.
func everyRole() (list []string) {
	values := pb.MethodAccess_Role(0).Descriptor().Values()
	for i := 1; i < values.Len(); i++ {
		list = append(list, strings.ToLower(strings.TrimPrefix(string(values.Get(i).Name()), "ROLE_")))
	}
	return list
}

// declares returns the class of a method and its roles.
func declares(m protoreflect.MethodDescriptor) (pb.MethodAccess_Class, []string) {
	access, _ := proto.GetExtension(m.Options(), pb.E_Access).(*pb.MethodAccess)
	var list []string
	for _, role := range access.GetRoles() {
		list = append(list, strings.ToLower(strings.TrimPrefix(role.String(), "ROLE_")))
	}
	return access.GetClass(), list
}

func missingRole(err error) bool {
	code, why := reason(err)
	return code == codes.PermissionDenied && why == "MISSING_ROLE"
}

// Every method of the contract says who may call it, and the contract knows the roles that
// tokens do.
func TestEveryMethodDeclaresItsClass(t *testing.T) {
	for _, m := range methods(t) {
		class, roles := declares(m)
		if class == pb.MethodAccess_CLASS_UNSPECIFIED {
			t.Errorf("%s does not say who may call it: give it the option (access)", m.FullName())
		} else if (class == pb.MethodAccess_CLASS_READ) != (len(roles) == 0) {
			t.Errorf("%s is of %s and has the roles %v", m.FullName(), class, roles)
		}
	}
	for _, role := range everyRole() {
		if _, err := identity.ParseRole(role); err != nil || !strings.Contains(identity.ErrRole.Error(), role) {
			t.Errorf("no token can have the role %s: %v", role, err)
		}
	}
	if named := strings.Count(strings.ReplaceAll(identity.ErrRole.Error(), " or ", ", "), ",") + 1; named != len(everyRole()) {
		t.Errorf("tokens have %d roles, the contract %v", named, everyRole())
	}
}

// With each role alone, and with none, a method is refused exactly if it says so.
func TestOneRoleAlone(t *testing.T) {
	s := start(t, nil)
	calls := 0
	for _, m := range methods(t) {
		class, roles := declares(m)
		needed := class == pb.MethodAccess_CLASS_SERVER || class == pb.MethodAccess_CLASS_SOURCE
		if err := s.call(s.as(ada), m); missingRole(err) != needed {
			t.Errorf("%s, which is of %s, without a role: %v", m.FullName(), class, err)
		}
		for _, role := range everyRole() {
			calls++
			if err := s.call(s.as(ada, role), m); missingRole(err) != (needed && !slices.Contains(roles, role)) {
				t.Errorf("%s, which is of %s for %v, with the role %s: %v", m.FullName(), class, roles, role, err)
			}
		}
	}
	t.Logf("%d pairs of method and role", calls)
}

// aboutSource makes, for each method of CLASS_SOURCE, a request about the source.
var aboutSource = map[protoreflect.FullName]func(source string) []proto.Message{
	"muniment.v1.SourceService.SetSource": func(s string) []proto.Message {
		return []proto.Message{&pb.SetSourceRequest{Source: &pb.Source{Name: s}}}
	},
	"muniment.v1.SourceService.StartSync":  func(s string) []proto.Message { return []proto.Message{&pb.StartSyncRequest{Source: s}} },
	"muniment.v1.SourceService.CommitSync": func(s string) []proto.Message { return []proto.Message{&pb.CommitSyncRequest{Source: s, Session: "x"}} },
	"muniment.v1.SourceService.AbortSync":  func(s string) []proto.Message { return []proto.Message{&pb.AbortSyncRequest{Source: s}} },
	"muniment.v1.AuditService.TraceDocument": func(s string) []proto.Message {
		return []proto.Message{&pb.TraceDocumentRequest{Document: &pb.DocumentRef{Source: s, Id: "x"}}}
	},
	"muniment.v1.StewardshipService.VerifyDocument": func(s string) []proto.Message {
		return []proto.Message{&pb.VerifyDocumentRequest{Document: &pb.DocumentRef{Source: s, Id: "x"}, ContentHash: hashOf("x")}}
	},
	"muniment.v1.AccessService.ExplainAccess": func(s string) []proto.Message {
		return []proto.Message{&pb.ExplainAccessRequest{Document: &pb.DocumentRef{Source: s, Id: "x"}, Subject: &pb.Subject{Principal: ada}}}
	},
	"muniment.v1.AccessService.PreviewAccessChange": func(s string) []proto.Message {
		return []proto.Message{
			&pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Access{Access: &pb.DocumentAccess{Source: s, Id: "x"}}},
			&pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Container{Container: &pb.Container{Source: s, Id: "x"}}},
		}
	},
}

// A role for one source does for that source, and for no other: not for one whose name
// begins alike, not for none, and not for the server.
func TestRoleForOneSource(t *testing.T) {
	s := start(t, nil)
	calls := 0
	for _, m := range methods(t) {
		class, roles := declares(m)
		requests := aboutSource[m.FullName()]
		if class == pb.MethodAccess_CLASS_SOURCE && requests == nil {
			t.Errorf("%s: this test has no request for it", m.FullName())
		}
		for _, role := range everyRole() {
			if _, err := identity.ParseRole(role + ":handbook"); err != nil {
				continue // never for one source
			}
			as := s.as(ada, role+":handbook")
			if class == pb.MethodAccess_CLASS_SERVER && !missingRole(s.call(as, m)) {
				t.Errorf("%s is for the whole server, and %s:handbook does", m.FullName(), role)
			}
			if class != pb.MethodAccess_CLASS_SOURCE {
				continue
			}
			for _, source := range []string{"handbook", "wiki", "handbook2", "hand", "Handbook", ""} {
				may := source == "handbook" && slices.Contains(roles, role)
				for _, req := range requests(source) {
					calls++
					if err := s.about(as, m, req); missingRole(err) == may {
						t.Errorf("%s for %q with the role %s:handbook: %v", m.FullName(), source, role, err)
					}
				}
			}
		}
	}
	t.Logf("%d calls about a source", calls)
}

// about calls a method that is no stream with a request and forgets the answer.
func (s *server) about(ctx context.Context, m protoreflect.MethodDescriptor, req proto.Message) error {
	return s.conn.Invoke(ctx, path(m), req, &pb.IngestResponse{})
}

// items is one item of each kind that Ingest takes.
func items(source string) []*pb.IngestRequest {
	return []*pb.IngestRequest{
		page(source, "x", "text"),
		{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: source, Id: "x"}}},
		{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: source, Id: "x"}}},
		{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: source, Id: "x", Version: 2}}},
		{Item: &pb.IngestRequest_Seen{Seen: &pb.DocumentPresence{Source: source, Id: "x", Version: 1}}},
		{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:x"}}},
	}
}

// berths is a page that states a price.
const berths = "# The harbour\n\nA berth at the northern quay costs £40 a night for boats of any length. Water is free of charge, and there is nobody at the gate after dark. " +
	"Whoever comes late moors at the outer wall and pays in the morning, at the office behind the ice house."

// Methods of CLASS_ITEM refuse nobody; what they take or show is for the roles that they
// declare, source by source.
func TestItemsAsDeclared(t *testing.T) {
	s := start(t, nil)
	for _, source := range []string{"handbook", "wiki"} {
		_, err := pb.NewSourceServiceClient(s.conn).SetSource(s.as(ada, "ingest"), &pb.SetSourceRequest{Source: &pb.Source{Name: source}})
		s.must(err)
	}
	// A conflict in each source, which the two have no words in common for.
	s.send(s.as(ada, "ingest"), rules("handbook", "a", "30 days", "2 years"), rules("handbook", "b", "14 days", "2 years"),
		page("wiki", "a", strings.ReplaceAll(berths, "£40", "£45")), page("wiki", "b", berths))
	var contested []*pb.ContestedValue
	for _, source := range []string{"handbook", "wiki"} {
		contested = append(contested, s.onlyConflict("steward:"+source))
	}
	if kinds := (&pb.IngestRequest{}).ProtoReflect().Descriptor().Oneofs().ByName("item").Fields().Len(); kinds != len(items("")) {
		t.Fatalf("Ingest takes %d kinds of items, this test knows %d", kinds, len(items("")))
	}
	// reached returns of which sources a role, as a token has it, lets through anything.
	reached := map[protoreflect.FullName]func(role string) []string{
		"muniment.v1.IngestionService.Ingest": func(role string) (list []string) {
			for _, source := range []string{"handbook", "wiki"} {
				for _, ack := range s.send(s.as(ada, role), items(source)...) {
					if _, why := refusal(ack); why != "MISSING_ROLE" {
						list = append(list, source)
					}
				}
			}
			return slices.Compact(list)
		},
		"muniment.v1.SourceService.ListSources": func(role string) (list []string) {
			got, err := pb.NewSourceServiceClient(s.conn).ListSources(s.as(ada, role), &pb.ListSourcesRequest{})
			s.must(err)
			for _, source := range got.GetSources() {
				list = append(list, source.GetName())
			}
			return list
		},
		"muniment.v1.StewardshipService.ListWork": func(role string) (list []string) {
			for _, i := range s.work(role).GetItems() {
				if !slices.Contains(list, i.GetSource()) {
					list = append(list, i.GetSource())
				}
			}
			return slices.Sorted(slices.Values(list))
		},
		"muniment.v1.StewardshipService.ListConflicts": func(role string) (list []string) {
			for _, cluster := range s.conflicts(role).GetClusters() {
				list = append(list, cluster.GetDocuments()[0].GetSource())
			}
			return slices.Sorted(slices.Values(list))
		},
		"muniment.v1.StewardshipService.ResolveConflict": func(role string) (list []string) {
			for _, c := range contested {
				if _, err := s.resolve(s.as(ada, role), c, pb.Verdict_VERDICT_UNSPECIFIED, ""); !missingRole(err) {
					s.must(err)
					list = append(list, c.GetA().GetDocument().GetSource())
				}
			}
			return list
		},
		"muniment.v1.StewardshipService.ReportFreshness": func(role string) (list []string) {
			s.send(s.as(ada, "ingest"), page("handbook", "kept", "text"), page("wiki", "kept", "text"))
			summary, _ := s.report(role, &pb.ReportFreshnessRequest{})
			for _, c := range summary.GetSources() {
				list = append(list, c.GetSource())
			}
			return list
		},
	}
	for _, m := range methods(t) {
		class, roles := declares(m)
		if class != pb.MethodAccess_CLASS_ITEM {
			continue
		}
		if reached[m.FullName()] == nil {
			t.Errorf("%s: this test does not know its items", m.FullName())
			continue
		}
		for _, role := range everyRole() {
			var want, scoped []string
			if slices.Contains(roles, role) {
				want, scoped = []string{"handbook", "wiki"}, []string{"handbook"}
			}
			if got := reached[m.FullName()](role); !slices.Equal(got, want) {
				t.Errorf("%s with the role %s reaches %v, want %v", m.FullName(), role, got, want)
			}
			if _, err := identity.ParseRole(role + ":handbook"); err != nil {
				continue
			}
			if got := reached[m.FullName()](role + ":handbook"); !slices.Equal(got, scoped) {
				t.Errorf("%s with the role %s:handbook reaches %v, want %v", m.FullName(), role, got, scoped)
			}
		}
	}
}
