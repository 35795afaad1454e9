package api_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
)

// methods lists every method of the contract, found in the descriptors.
func methods(t *testing.T) (list []protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage("muniment.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				list = append(list, service.Methods().Get(j))
			}
		}
		return true
	})
	if len(list) < 7 {
		t.Fatalf("the contract has only %d methods: this test looks in the wrong place", len(list))
	}
	return list
}

func path(m protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
}

// call calls a method with an empty message and returns its error.
func (s *server) call(ctx context.Context, m protoreflect.MethodDescriptor) error {
	if !m.IsStreamingClient() && !m.IsStreamingServer() {
		return s.conn.Invoke(ctx, path(m), &emptypb.Empty{}, &emptypb.Empty{})
	}
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer()}, path(m))
	if err != nil {
		return err
	}
	stream.SendMsg(&emptypb.Empty{})
	return stream.RecvMsg(&emptypb.Empty{})
}

// Every method of the contract is served, and there is no other but health.
func TestEveryMethodIsServed(t *testing.T) {
	s := start(t, nil)
	served := map[string]bool{}
	for service, info := range s.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			served[fmt.Sprintf("/%s/%s", service, m.Name)] = true
		}
	}
	ctx := s.as(ada, "ingest", "directory", "auditor", "steward", "admin")
	for _, m := range methods(t) {
		if !served[path(m)] {
			t.Errorf("%s is not registered", path(m))
		}
		delete(served, path(m))
		if code, _ := reason(s.call(ctx, m)); code == codes.Unimplemented {
			t.Errorf("%s has no code behind it", path(m))
		}
	}
	for method := range served {
		if method != healthpb.Health_Check_FullMethodName && method != healthpb.Health_Watch_FullMethodName && method != healthpb.Health_List_FullMethodName {
			t.Errorf("%s is served and not in the contract", method)
		}
	}
}

// No method of the contract answers without one good token. Health does.
func TestEveryMethodNeedsAToken(t *testing.T) {
	s := start(t, nil)
	good := s.token(identity.Request{Subject: ada})
	stranger := start(t, nil).token(identity.Request{Subject: ada})
	for name, tc := range map[string]struct {
		headers []string
		reason  string
	}{
		"none":                {nil, "TOKEN_MISSING"},
		"empty":               {[]string{""}, "TOKEN_MISSING"},
		"no scheme":           {[]string{good}, "TOKEN_MISSING"},
		"another scheme":      {[]string{"Basic " + good}, "TOKEN_MISSING"},
		"two":                 {[]string{"Bearer " + good, "Bearer " + good}, "TOKEN_MISSING"},
		"bearer of nothing":   {[]string{"Bearer "}, "TOKEN_MISSING"},
		"no token":            {[]string{"Bearer token"}, "TOKEN_INVALID"},
		"a foreign one":       {[]string{"Bearer " + stranger}, "TOKEN_INVALID"},
		"one that was edited": {[]string{"Bearer " + good[:len(good)-2] + "xx"}, "TOKEN_INVALID"},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": tc.headers})
		for _, m := range methods(t) {
			if code, why := reason(s.call(ctx, m)); code != codes.Unauthenticated || why != tc.reason {
				t.Errorf("%s with a token that is %s: %v %s, want Unauthenticated %s", path(m), name, code, why, tc.reason)
			}
		}
	}
	if _, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	for reason, want := range map[string]int{"TOKEN_MISSING": 6 * len(methods(t)), "TOKEN_INVALID": 3 * len(methods(t))} {
		if n := s.refusals(func(r audit.Record) bool { return r.Refusal.Reason == reason && r.User == "" }); n != want {
			t.Errorf("%d calls are recorded as refused for %s, want %d", n, reason, want)
		}
	}
}

// refusals counts the refusals that are recorded of which the function says yes.
func (s *server) refusals(of func(audit.Record) bool) (n int) {
	s.Helper()
	s.must(s.Refusals.Flush(s.Context()))
	for item, err := range s.Audit.Records(s.Context(), 0) {
		s.must(err)
		if r := item.Record; r.Kind == audit.KindRefuse && of(r) {
			n += max(1, int(r.Refusal.Count))
		}
	}
	return n
}

// A method that needs a role says so before it looks at anything else of the request. What
// explains decisions or reads the audit log is among them (LEAK-06, LEAK-12, LEAK-22).
func TestRolesComeFirst(t *testing.T) {
	s := start(t, nil)
	needs := map[protoreflect.FullName][]string{
		"muniment.v1.DirectoryService.GetGroup":         {"directory"},
		"muniment.v1.AuditService.GetCheckpoint":        {"auditor"},
		"muniment.v1.AuditService.GetRecord":            {"auditor"},
		"muniment.v1.AuditService.ListRecords":          {"auditor"},
		"muniment.v1.AuditService.TraceAnswer":          {"auditor"},
		"muniment.v1.AuditService.TraceDocument":        {"auditor", "steward"},
		"muniment.v1.AuditService.ReplayRetrieval":      {"auditor"},
		"muniment.v1.AuditService.GetConsistencyProof":  {"auditor"},
		"muniment.v1.SourceService.SetSource":           {"ingest", "steward"},
		"muniment.v1.SourceService.StartSync":           {"ingest"},
		"muniment.v1.SourceService.CommitSync":          {"ingest"},
		"muniment.v1.SourceService.AbortSync":           {"ingest"},
		"muniment.v1.OperationsService.GetStatus":       {"admin"},
		"muniment.v1.OperationsService.Check":           {"admin"},
		"muniment.v1.OperationsService.Rebuild":         {"admin"},
		"muniment.v1.OperationsService.Backup":          {"admin"},
		"muniment.v1.AccessService.ExplainAccess":       {"admin", "steward"},
		"muniment.v1.AccessService.PreviewAccessChange": {"admin", "steward"},
		"muniment.v1.StewardshipService.VerifyDocument": {"steward"},
	}
	for _, m := range methods(t) {
		code, why := reason(s.call(s.as(ada), m))
		roles, needed := needs[m.FullName()]
		if denied := code == codes.PermissionDenied && why == "MISSING_ROLE"; denied != needed {
			t.Errorf("%s without a role: %v %s", m.FullName(), code, why)
		}
		if !needed {
			continue
		}
		for _, other := range []string{"ingest", "steward", "admin", "auditor", "directory"} {
			if code, _ := reason(s.call(s.as(ada, other), m)); (code == codes.PermissionDenied) == slices.Contains(roles, other) {
				t.Errorf("%s with the role %s: %v", m.FullName(), other, code)
			}
		}
	}
}
