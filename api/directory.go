package api

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

type directory struct {
	pb.UnimplementedDirectoryServiceServer
	*handler
}

func (s directory) GetCaller(ctx context.Context, req *pb.GetCallerRequest) (*pb.GetCallerResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	resp := &pb.GetCallerResponse{User: string(c.User), App: string(c.App), Guest: c.Guest}
	for _, g := range c.Roles {
		resp.Roles = append(resp.Roles, g.String())
	}
	for _, label := range s.Scale {
		if c.Clearance[label] && c.Scope.Clearance[label] {
			resp.Clearance = append(resp.Clearance, label)
		}
	}
	return resp, nil
}

func (s directory) GetGroup(ctx context.Context, req *pb.GetGroupRequest) (*pb.GetGroupResponse, error) {
	c, err := s.authorize(ctx, identity.RoleDirectory)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	state, err := s.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	members, err := state.Group(acl.Principal(req.GetName()))
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: "read", Read: &audit.Read{ID: req.GetName()}}); err != nil {
		return nil, err
	}
	resp := &pb.GetGroupResponse{Name: req.GetName()}
	for _, m := range members {
		resp.Members = append(resp.Members, string(m))
	}
	return resp, nil
}

// authorize returns the call if its caller has the role.
func (h *handler) authorize(ctx context.Context, role identity.Role) (call, error) {
	c, err := callOf(ctx)
	if err != nil {
		return call{}, err
	}
	if !c.Roles.May(role, "") {
		return call{}, fail(codes.PermissionDenied, "MISSING_ROLE", "this call needs the role %s", role)
	}
	return c, nil
}

type auditing struct {
	pb.UnimplementedAuditServiceServer
	*handler
}

func (s auditing) GetCheckpoint(ctx context.Context, req *pb.GetCheckpointRequest) (*pb.GetCheckpointResponse, error) {
	c, err := s.authorize(ctx, identity.RoleAuditor)
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: "read", Read: &audit.Read{ID: "checkpoint"}}); err != nil {
		return nil, err
	}
	note, err := s.Audit.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.GetCheckpointResponse{Checkpoint: string(note)}, nil
}

func (s auditing) GetRecord(ctx context.Context, req *pb.GetRecordRequest) (*pb.GetRecordResponse, error) {
	c, err := s.authorize(ctx, identity.RoleAuditor)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	named, err := s.entry(req.GetReceipt())
	if err != nil {
		return nil, err
	}
	record, entry, err := s.Audit.Record(ctx, named.Index)
	if err != nil {
		return nil, err
	}
	if entry.Leaf != named.Leaf {
		return nil, catalog.ErrNotFound // a receipt of another log
	}
	if record.Retrieval != nil {
		record.Retrieval.Query = "" // an auditor sees its keyed hash
	}
	body, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: "read", Read: &audit.Read{ID: "record " + record.ID}}); err != nil {
		return nil, err
	}
	note, err := s.Audit.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	checkpoint, err := audit.ReadCheckpoint(note)
	if err != nil {
		return nil, err
	}
	proof, err := s.Audit.Inclusion(ctx, entry.Index, checkpoint.N)
	if err != nil {
		return nil, err
	}
	resp := &pb.GetRecordResponse{
		Index: entry.Index, Time: timestamppb.New(record.Time), Record: string(body),
		LeafHash: hex.EncodeToString(entry.Leaf[:]), Checkpoint: string(note),
	}
	for _, hash := range proof {
		resp.InclusionProof = append(resp.InclusionProof, hex.EncodeToString(hash[:]))
	}
	return resp, nil
}
