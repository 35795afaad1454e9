package audit_test

import (
	"testing"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

func TestMemory(t *testing.T) {
	audittest.Run(t, func(testing.TB) audittest.Place {
		m := &audittest.Memory{}
		return func(testing.TB) audit.Storage { return m }
	})
}
