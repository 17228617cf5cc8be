package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A run that was cancelled is resumed by running it again: every key is rotated once.
func TestRotateAllResumes(t *testing.T) {
	for _, after := range []int{0, 1, 17, 100, many - 1} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			inBubble(t, func(s *service) {
				ids := s.tenants(many)
				s.backend.Inject(secretstest.Fault{Delay: 10 * time.Millisecond})
				ctx, cancel := context.WithCancel(s.Context())
				defer cancel()
				progressed := 0
				if after == 0 {
					cancel()
				}
				first, err := s.rotator.RotateAll(ctx, nil, func(o *rotation.RotateAllOptions) {
					o.Progress = func(string, rotation.Result, error) {
						if progressed++; progressed == after {
							cancel()
						}
					}
				})
				if !errors.Is(err, tenantsecrets.ErrUnavailable) || !errors.Is(err, context.Canceled) || sumOf(first) != progressed || first.Rotated < after {
					s.Fatalf("%+v of %d, %v", first, progressed, err)
				}
				second, err := s.rotator.RotateAll(s.Context(), nil)
				if err != nil || first.Rotated+second.Rotated != many || second.TooYoung != first.Rotated || second.Failed != 0 {
					s.Errorf("%+v, and then %+v, %v", first, second, err)
				}
				s.wantsVersions(2, namesOf(ids)...)
			})
		})
	}
}

func sumOf(s rotation.Summary) int {
	return s.Rotated + s.AlreadyRotated + s.TooYoung + s.Planned + s.Failed
}

// Two runs at once rotate every key once, whoever is faster.
func TestTwoRotateAllsAtOnce(t *testing.T) {
	inBubble(t, func(s *service) {
		ids := s.tenants(many)
		s.backend.Inject(secretstest.Fault{Delay: 7 * time.Millisecond})
		summaries := make([]rotation.Summary, 2)
		var group sync.WaitGroup
		for i := range summaries {
			group.Go(func() {
				var err error
				if summaries[i], err = s.otherProcess().RotateAll(s.Context(), nil); err != nil {
					s.Error(err)
				}
			})
		}
		group.Wait()
		a, b := summaries[0], summaries[1]
		if a.Rotated+b.Rotated != many || sumOf(a) != many || sumOf(b) != many || a.Failed+b.Failed != 0 {
			s.Errorf("%+v and %+v", a, b)
		}
		if a.AlreadyRotated+b.AlreadyRotated == 0 {
			s.Error("they never met")
		}
		s.wantsVersions(2, namesOf(ids)...)
	})
}

// A tenant that is given twice is rotated once.
func TestATenantTwice(t *testing.T) {
	inBubble(t, func(s *service) {
		s.tenants(1)
		summary, err := s.rotator.RotateAll(s.Context(), slices.Values([]string{"t_0", "t_0", "t_0"}))
		if err != nil || summary.Rotated != 1 || sumOf(summary) != 3 || summary.Failed != 0 {
			s.Errorf("%+v, %v", summary, err)
		}
		s.wantsVersions(2, nameOf("t_0"))
	})
}

// One that fails does not keep the others from being rotated; the error has the first
// ten of them, and Progress all.
func TestOneBadTenantDoesNotStopTheOthers(t *testing.T) {
	for _, bad := range []int{1, 9, 10, 11, 30} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			inBubble(t, func(s *service) {
				ids := s.tenants(50)
				want := map[string]error{}
				for i := range bad {
					switch id := ids[i]; i % 3 {
					case 0:
						s.put(nameOf(id), "{")
						want[id] = tenantsecrets.ErrMalformed
					case 1:
						s.put(nameOf(id), s.document(nil)) // of another tenant
						want[id] = tenantsecrets.ErrWrongTenant
					case 2:
						s.backend.Inject(secretstest.Fault{SecretID: nameOf(id), Err: secretstest.AccessDenied()})
						want[id] = tenantsecrets.ErrAccessDenied
					}
				}
				told, progress := s.told()
				summary, err := s.rotator.RotateAll(s.Context(), nil, progress)
				if summary != (rotation.Summary{Rotated: 50 - bad, Failed: bad}) {
					s.Errorf("%+v", summary)
				}
				for _, id := range ids {
					if !errors.Is(told.errs[id], want[id]) || (told.errs[id] == nil) != (want[id] == nil) {
						s.Errorf("%s: %v, want %v", id, told.errs[id], want[id])
					}
				}
				s.wantsVersions(2, namesOf(ids[bad:])...)
				s.wantsJoined(err, min(bad, 10))
			})
		})
	}
}

// wantsJoined wants an error that joins so many of RotateAll.
func (s *service) wantsJoined(err error, n int) {
	s.Helper()
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != n {
		s.Fatalf("%v, want %d errors", err, n)
	}
	for _, err := range joined.Unwrap() {
		var e *tenantsecrets.Error
		if !errors.As(err, &e) || e.Op != "RotateAll" || e.Name != nameOf(e.Tenant) {
			s.Errorf("%v is no *Error of a tenant's", err)
		}
	}
}

// A list that ends in the middle: those who were found are rotated, and the error
// says that there may be more.
func TestRotateAllWithoutTheWholeList(t *testing.T) {
	for what, tt := range map[string]struct {
		fault secretstest.Fault
		want  error
		found int
	}{
		"denied":               {secretstest.Fault{Operation: "ListSecrets", Err: secretstest.AccessDenied()}, tenantsecrets.ErrAccessDenied, 0},
		"throttled, at page 2": {secretstest.Fault{Operation: "ListSecrets", After: 1, Err: secretstest.Throttling()}, tenantsecrets.ErrUnavailable, 100},
		"broken, at page 2":    {secretstest.Fault{Operation: "ListSecrets", After: 1, LostAnswer: true}, tenantsecrets.ErrUnavailable, 100},
		"stuck, at page 2":     {secretstest.Fault{Operation: "ListSecrets", After: 1, Delay: time.Hour}, tenantsecrets.ErrUnavailable, 100},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				ids := s.tenants(many)
				end := s.backend.Inject(tt.fault)
				summary, err := s.rotator.RotateAll(s.Context(), nil)
				if !errors.Is(err, tt.want) || summary != (rotation.Summary{Rotated: tt.found}) || !strings.Contains(err.Error(), "RotateAll") {
					s.Errorf("%+v, %v", summary, err)
				}
				end()
				summary, err = s.rotator.RotateAll(s.Context(), nil)
				if err != nil || summary != (rotation.Summary{Rotated: many - tt.found, TooYoung: tt.found}) {
					s.Errorf("the next run: %+v, %v", summary, err)
				}
				s.wantsVersions(2, namesOf(ids)...)
			})
		})
	}
}

// A destination that cannot be one is no service without such secrets.
func TestRotateAllOfAnImpossibleDestination(t *testing.T) {
	inBubble(t, func(s *service) {
		if _, err := s.rotator.Destination("a b").RotateAll(s.Context(), nil); !errors.Is(err, tenantsecrets.ErrInvalidName) {
			s.Errorf("error %v, want ErrInvalidName", err)
		}
	})
}
