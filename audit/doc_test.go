package audit_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/muniment/muniment/audit"
)

// TestEveryFieldIsDocumented demands that docs/audit.md names every field that a record can have.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(of reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of.PkgPath() != reflect.TypeFor[audit.Record]().PkgPath() {
			return
		}
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if seen++; name == "" || !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/audit.md does not say what %s.%s is, which a record calls %q", of.Name(), f.Name, name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[audit.Record]())
	if seen < 60 {
		t.Errorf("only %d fields were looked at", seen)
	}
}
