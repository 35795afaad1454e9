package scim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/elimity-com/scim/schema"
)

// byRFC are the schemas of RFC 7643 as others have written them down.
var byRFC = map[string]schema.Schema{userSchema: schema.CoreUserSchema(), groupSchema: schema.CoreGroupSchema()}

// common are the attributes that every resource has.
var common = []string{"schemas", "id", "externalId", "meta"}

// validAnswer fails the test if a resource in an answer is not what another reading of the
// RFC's schemas, and of those that are published here, accepts. All tests of this package ask
// through it.
func (p *provider) validAnswer(path string, answer object) {
	p.Helper()
	if strings.Contains(path, "ttributes=") {
		return // a part of a resource
	}
	list, _ := answer["Resources"].([]any)
	for _, v := range append(list, answer) {
		resource := asMap(v)
		ids, _ := resource["schemas"].([]any)
		for _, id := range ids {
			rfc, known := byRFC[id.(string)]
			if !known {
				continue
			}
			for name, s := range map[string]schema.Schema{"the RFC's": rfc, "the published": published(p, id.(string))} {
				kept, err := s.Validate(resource)
				if err != nil {
					p.Errorf("%s: by %s schema: %v in %v", path, name, err, resource)
				}
				for attribute := range resource {
					if _, found := kept[attribute]; !found && !slices.Contains(common, attribute) {
						p.Errorf("%s: %s schema does not know the attribute %q of %v", path, name, attribute, resource)
					}
				}
			}
			if meta := asMap(resource["meta"]); resource["id"] == nil || meta["resourceType"] == nil || meta["location"] == nil {
				p.Errorf("%s: without id or meta: %v", path, resource)
			}
		}
	}
}

// asMap is an object of an answer; nil for anything else.
func asMap(v any) object {
	o, _ := v.(object)
	return o
}

// published is a schema as the server publishes it and the other implementation reads it.
func published(t interface{ Fatalf(string, ...any) }, id string) schema.Schema {
	var s schema.Schema
	for _, one := range schemas {
		if one["id"] == any(id) {
			if err := json.Unmarshal(encode(one), &s); err != nil {
				t.Fatalf("the schema %s: %v", id, err)
			}
		}
	}
	return s
}

// TestSchemasAreTheRFCs: what is published of an attribute is what the RFC says of it, as
// others read it, but for what is weaker on purpose.
func TestSchemasAreTheRFCs(t *testing.T) {
	compared := 0
	var compare func(path string, ours, rfc schema.Attributes)
	compare = func(path string, ours, rfc schema.Attributes) {
		for _, a := range ours {
			where := path + a.Name()
			b, known := rfc.ContainsAttribute(a.Name())
			if !known {
				if !slices.Contains(common, a.Name()) {
					t.Errorf("%s is no attribute of the RFC", where)
				}
				continue
			}
			compared++
			if a.Name() != b.Name() || a.AttributeType() != b.AttributeType() || a.MultiValued() != b.MultiValued() || a.Uniqueness() != b.Uniqueness() ||
				a.Returned() != b.Returned() || a.Required() && !b.Required() {
				t.Errorf("%s: %s %s, several %t, unique %s, required %t; the RFC has %s %s, %t, %s, %t", where, a.Name(), a.AttributeType(), a.MultiValued(), a.Uniqueness(), a.Required(),
					b.Name(), b.AttributeType(), b.MultiValued(), b.Uniqueness(), b.Required())
			}
			compare(where+".", a.SubAttributes(), b.SubAttributes())
		}
	}
	for id, rfc := range byRFC {
		compare(id+":", published(t, id).Attributes, rfc.Attributes)
	}
	if compared < 15 {
		t.Errorf("%d attributes compared", compared)
	}
}

// TestAnswersAreJudged: what is not of the schemas is noticed.
func TestAnswersAreJudged(t *testing.T) {
	good := func() object {
		return object{
			"schemas": []any{userSchema}, "id": "1", "userName": "ada", "active": true, "emails": []any{map[string]any{"value": "a@example.com", "primary": true}},
			"meta": map[string]any{"resourceType": "User", "location": "/scim/v2" + users.path + "/1"},
		}
	}
	for name, change := range map[string]func(object){
		"":                     func(object) {},
		"active is text":       func(o object) { o["active"] = "True" },
		"no userName":          func(o object) { delete(o, "userName") },
		"an unknown attribute": func(o object) { o["principal"] = "user:corp/ada" },
		"emails is no list":    func(o object) { o["emails"] = "a@example.com" },
		"no id":                func(o object) { delete(o, "id") },
	} {
		o, noted := good(), &noting{TB: t}
		change(o)
		p := &provider{TB: noted}
		p.validAnswer(users.path, o)
		if noted.failed != (name != "") {
			t.Errorf("%q: failed %t", name, noted.failed)
		}
	}
}

// noting is a test that only notes that it has failed.
type noting struct {
	testing.TB
	failed bool
}

func (n *noting) Errorf(string, ...any) { n.failed = true }
