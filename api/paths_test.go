package api_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
)

// TestOddPaths (ID-34): what is not byte for byte a method of the contract reaches no handler,
// whoever calls it and however alike it looks.
func TestOddPaths(t *testing.T) {
	s := start(t, nil)
	ctx := s.as(ada, "ingest", "directory", "auditor", "steward", "admin")
	for _, path := range []string{
		"muniment.v1.AuditService/GetCheckpoint", "/muniment.v1.auditservice/GetCheckpoint", "/muniment.v1.AuditService/getcheckpoint",
		"//muniment.v1.AuditService/GetCheckpoint", "/muniment.v1.AuditService/GetCheckpoint/", "/muniment.v1.AuditService//GetCheckpoint",
		"/muniment.v1.AuditService/GetCheckpoint?x=1", "/muniment.v1.AuditService/%47etCheckpoint", "/muniment.v1.AuditService/../AuditService/GetCheckpoint",
		"/grpc.health.v1.Health/../muniment.v1.AuditService/GetCheckpoint", "/grpc.health.v1.Health/GetCheckpoint", "/AuditService/GetCheckpoint",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/", "", "*", "/muniment.v1.AuditService", "/muniment.v1.AuditService/",
	} {
		if code, _ := reason(s.conn.Invoke(ctx, path, &emptypb.Empty{}, &emptypb.Empty{})); code != codes.Unimplemented {
			t.Errorf("%q: %v", path, code)
		}
		stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, path)
		if err == nil {
			stream.SendMsg(&emptypb.Empty{})
			err = stream.RecvMsg(&emptypb.Empty{})
		}
		if code, _ := reason(err); code != codes.Unimplemented {
			t.Errorf("%q, a stream: %v", path, code)
		}
	}
	if n := s.Audit.Size(); n != 0 {
		t.Errorf("%d audit records of calls to what does not exist", n)
	}
	s.must(s.conn.Invoke(ctx, "/muniment.v1.AuditService/GetCheckpoint", &emptypb.Empty{}, &emptypb.Empty{}))
	if s.Audit.Size() == 0 {
		t.Error("the method itself leaves no record: this test would see none of the others")
	}
}
