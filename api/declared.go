package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// roleNames says which role of a token the contract means.
var roleNames = map[pb.MethodAccess_Role]identity.Role{
	pb.MethodAccess_ROLE_INGEST: identity.RoleIngest, pb.MethodAccess_ROLE_DIRECTORY: identity.RoleDirectory,
	pb.MethodAccess_ROLE_STEWARD: identity.RoleSteward, pb.MethodAccess_ROLE_AUDITOR: identity.RoleAuditor,
	pb.MethodAccess_ROLE_ADMIN: identity.RoleAdmin,
}

// declared returns what the contract says of each of the server's methods, by full method
// name. It is an error if it does not say, or says what cannot be: nobody must be able to
// call a method of which it is not known who may.
func declared(g *grpc.Server) (map[string]*pb.MethodAccess, error) {
	all := map[string]*pb.MethodAccess{}
	for service, info := range g.GetServiceInfo() {
		for _, m := range info.Methods {
			path := fmt.Sprintf("/%s/%s", service, m.Name)
			if public(path) {
				continue
			}
			d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service).Append(protoreflect.Name(m.Name)))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			access, _ := proto.GetExtension(d.Options(), pb.E_Access).(*pb.MethodAccess)
			if err := sound(access); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			all[path] = access
		}
	}
	return all, nil
}

// sound reports what is wrong with what a method declares.
func sound(access *pb.MethodAccess) error {
	class := access.GetClass()
	if class == pb.MethodAccess_CLASS_UNSPECIFIED || pb.MethodAccess_Class_name[int32(class)] == "" {
		return errors.New("the contract does not say who may call it")
	}
	if (class == pb.MethodAccess_CLASS_READ) != (len(access.GetRoles()) == 0) {
		return fmt.Errorf("%s with %d roles", class, len(access.GetRoles()))
	}
	if recordKinds[access.GetRecord()] == "" {
		return errors.New("the contract does not say what record it leaves")
	}
	for _, role := range access.GetRoles() {
		if roleNames[role] == "" {
			return fmt.Errorf("unknown role %v", role)
		}
	}
	return nil
}

// may reports whether the caller has one of the method's roles for the source; for all, if
// the source is empty.
func (c call) may(source string) bool {
	for _, role := range c.access.GetRoles() {
		if c.Roles.May(roleNames[role], source) {
			return true
		}
	}
	return false
}

// admit refuses a call that needs a role for the server if its caller has none. What needs
// one for a source is refused where the source is known: by callForSource, or item by item.
func (c call) admit() error {
	if c.access.GetClass() == pb.MethodAccess_CLASS_SERVER && !c.may("") {
		return fail(codes.PermissionDenied, "MISSING_ROLE", "this call needs the role %s", c.needed())
	}
	return nil
}

// callForSource returns the call if its caller has one of the method's roles for the source.
func callForSource(ctx context.Context, source string) (call, error) {
	c, err := callOf(ctx)
	if err != nil {
		return call{}, err
	}
	if !c.may(source) {
		return call{}, fail(codes.PermissionDenied, "MISSING_ROLE", "source %q needs the role %s, for all sources or for this one", source, c.needed())
	}
	return c, nil
}

// needed names the roles that the method asks for.
func (c call) needed() string {
	var names []string
	for _, role := range c.access.GetRoles() {
		names = append(names, string(roleNames[role]))
	}
	return strings.Join(names, " or ")
}
