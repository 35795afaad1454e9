package catalogtest_test

import (
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
)

func TestMemory(t *testing.T) {
	catalogtest.Run(t, 1, func(testing.TB) catalogtest.Opener {
		m := catalogtest.NewMemory()
		return func() (catalog.Store, error) {
			opened := m
			m = m.Reopened()
			return opened, nil
		}
	})
}
