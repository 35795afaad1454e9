// Package limits bounds how often each user and each app may call.
package limits

import (
	"container/list"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often something may happen: so many times in a second, in the long run, and
// so many at once.
type Rate struct {
	PerSecond float64 `yaml:"per_second"`
	Burst     int     `yaml:"burst"`
}

// Check refuses a rate at which nothing could ever happen.
func (r Rate) Check() error {
	if !(r.PerSecond > 0) || r.Burst < 1 {
		return fmt.Errorf("per_second must be over 0 and burst at least 1, not %v and %d", r.PerSecond, r.Burst)
	}
	return nil
}

// Config says what callers may do.
type Config struct {
	User Rate `yaml:"user"` // each user, through all apps
	App  Rate `yaml:"app"`  // each app, for all users
}

// Default bounds who calls without end, and nobody who only asks a lot.
var Default = Config{User: Rate{1000, 10_000}, App: Rate{5000, 50_000}}

// Check refuses a configuration in which somebody could never call.
func (c Config) Check() error {
	if err := c.User.Check(); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	if err := c.App.Check(); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// Remembered is how many users, and how many apps, a Limiter remembers: those who called
// last. Who is forgotten begins anew, with a full burst.
const Remembered = 10_000

// Names of the limits, as Exceeded carries them.
const (
	ByUser = "user_rate"
	ByApp  = "app_rate"
)

// Exceeded is the error of a call over a limit.
type Exceeded struct {
	Limit string        // ByUser or ByApp
	Retry time.Duration // when it would not be over it
}

// Error implements error.
func (e *Exceeded) Error() string { return "limits: over the " + e.Limit }

// Limiter counts calls. It is safe for concurrent use; a nil Limiter lets everything pass.
type Limiter struct {
	mu    sync.Mutex
	users buckets
	apps  buckets
}

// New returns a Limiter for a Config that has been checked.
func New(c Config) *Limiter {
	return &Limiter{users: newBuckets(ByUser, c.User), apps: newBuckets(ByApp, c.App)}
}

// Allow counts a call by the user through the app, or returns *Exceeded and counts nothing.
// A user over their own limit takes nothing from the app's other users.
func (l *Limiter) Allow(user, app string, now time.Time) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own, err := l.users.take(user, now)
	if err != nil {
		return err
	}
	if _, err := l.apps.take(app, now); err != nil {
		own.CancelAt(now)
		return err
	}
	return nil
}

// buckets are the token buckets of those who called last.
type buckets struct {
	limit string
	rate  Rate
	known map[string]*list.Element // of *bucket
	order *list.List               // who called last is first
}

type bucket struct {
	name    string
	limiter *rate.Limiter
}

func newBuckets(limit string, r Rate) buckets {
	return buckets{limit, r, map[string]*list.Element{}, list.New()}
}

// take counts a call of the name, or says when it may come again.
func (b *buckets) take(name string, now time.Time) (*rate.Reservation, error) {
	e, known := b.known[name]
	if known {
		b.order.MoveToFront(e)
	} else {
		e = b.order.PushFront(&bucket{name, rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)})
		b.known[name] = e
		if b.order.Len() > Remembered {
			oldest := b.order.Remove(b.order.Back()).(*bucket)
			delete(b.known, oldest.name)
		}
	}
	r := e.Value.(*bucket).limiter.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return nil, &Exceeded{b.limit, wait}
	}
	return r, nil
}

// As returns the *Exceeded in an error, nil if there is none.
func As(err error) *Exceeded {
	e, _ := errors.AsType[*Exceeded](err)
	return e
}
