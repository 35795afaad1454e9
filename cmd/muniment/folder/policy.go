package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Readers is a policy of one layer that admits the principals.
func Readers(principals ...string) (*pb.Policy, error) {
	if len(principals) == 0 {
		return nil, errors.New("no principal")
	}
	layer := &pb.Layer{}
	for _, p := range principals {
		if err := acl.Principal(p).Validate(); err != nil {
			return nil, fmt.Errorf("%q: %w", p, err)
		}
		layer.Allow = append(layer.Allow, &pb.Grant{Principal: p})
	}
	return &pb.Policy{Layers: []*pb.Layer{layer}}, nil
}

// ParsePolicy reads a policy in the form of the feed, as YAML or JSON. Keys it does not
// know are errors: they may be a deny that must not be skipped.
func ParsePolicy(text []byte) (*pb.Policy, error) {
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	return policyOf(value)
}

// policyOf makes a policy of a value that was read from YAML, TOML or JSON.
func policyOf(value any) (*pb.Policy, error) {
	if value == nil {
		return nil, errors.New("is empty; to admit nobody, write {layers: []}")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	p := &pb.Policy{}
	if err := protojson.Unmarshal(text, p); err != nil {
		plain := strings.ReplaceAll(err.Error(), "\u00a0", " ") // protojson varies its spaces
		return nil, errors.New(strings.TrimSpace(strings.TrimPrefix(plain, "proto:")))
	}
	return p, checkPolicy(p)
}

// checkPolicy holds the policy to the limits and forms that the server holds it to, so
// that what is wrong is told with the name of its file.
func checkPolicy(p *pb.Policy) error {
	if _, known := pb.Inherit_name[int32(p.GetInherit())]; !known {
		return fmt.Errorf("inherit: there is no mode %d", p.GetInherit())
	}
	grants := func(list []*pb.Grant) (out []acl.Grant) {
		for _, g := range list {
			out = append(out, acl.Grant{Principal: acl.Principal(g.GetPrincipal())})
		}
		return out
	}
	var own acl.Policy
	for _, l := range p.GetLayers() {
		own.Layers = append(own.Layers, acl.Layer{Allow: grants(l.GetAllow()), Deny: grants(l.GetDeny())})
	}
	return own.Validate()
}

// readersOf makes a policy of the short form: one principal, or a list of them.
func readersOf(value any) (*pb.Policy, error) {
	switch v := value.(type) {
	case string:
		return Readers(v)
	case []any:
		var list []string
		for _, one := range v {
			name, ok := one.(string)
			if !ok {
				return nil, fmt.Errorf("%v is no principal", one)
			}
			list = append(list, name)
		}
		return Readers(list...)
	default:
		return nil, errors.New("is neither a principal nor a list of principals")
	}
}

// parentsAnswer is the policy that leaves the decision to the container. A document line
// without a policy would keep the one that is stored, which the file may have lost.
func parentsAnswer() *pb.Policy { return &pb.Policy{Inherit: pb.Inherit_INHERIT_EXTEND} }

// nobody is the policy that admits nobody.
func nobody() *pb.Policy { return &pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE} }
