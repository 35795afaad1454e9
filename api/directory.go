package api

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
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
	if err := s.validate(req); err != nil {
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
