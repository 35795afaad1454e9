package api

import (
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// A server with a method of which the contract does not say who may call it, or what record
// that leaves, does not start.
// Health is exempt.
func TestUndeclaredMethodsAreNotServed(t *testing.T) {
	type options = pb.MethodAccess
	const read = pb.MethodAccess_RECORD_READ
	admin := []pb.MethodAccess_Role{pb.MethodAccess_ROLE_ADMIN}
	for name, tc := range map[string]struct {
		access *options
		ok     bool
	}{
		"nothing":          {nil, false},
		"no class":         {&options{Roles: admin, Record: read}, false},
		"a foreign class":  {&options{Class: 99, Roles: admin, Record: read}, false},
		"read":             {&options{Class: pb.MethodAccess_CLASS_READ, Record: read}, true},
		"read for admins":  {&options{Class: pb.MethodAccess_CLASS_READ, Roles: admin, Record: read}, false},
		"server":           {&options{Class: pb.MethodAccess_CLASS_SERVER, Roles: admin, Record: read}, true},
		"for nobody":       {&options{Class: pb.MethodAccess_CLASS_SERVER, Record: read}, false},
		"a foreign role":   {&options{Class: pb.MethodAccess_CLASS_SOURCE, Roles: []pb.MethodAccess_Role{99}, Record: read}, false},
		"no role":          {&options{Class: pb.MethodAccess_CLASS_ITEM, Roles: []pb.MethodAccess_Role{0}, Record: read}, false},
		"no record":        {&options{Class: pb.MethodAccess_CLASS_READ}, false},
		"a foreign record": {&options{Class: pb.MethodAccess_CLASS_READ, Record: 99}, false},
	} {
		if err := sound(tc.access); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	g := grpc.NewServer()
	healthpb.RegisterHealthServer(g, healthpb.UnimplementedHealthServer{})
	if list, err := declared(g); err != nil || len(list) != 0 {
		t.Errorf("health alone: %v, %v", list, err)
	}
	g.RegisterService(&grpc.ServiceDesc{
		ServiceName: "muniment.v1.SecretService", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Tell"}},
	}, nil)
	if _, err := declared(g); err == nil {
		t.Error("a service that is not in the contract is served")
	}
}
