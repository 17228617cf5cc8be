package rotation_test

import (
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

// The rotator's grace is that of every call that does not say, those that cannot say
// among them.
func TestGraceOfTheRotator(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for what, call := range map[string]func(s adversity, r *rotation.Rotator) (rotation.Result, error){
		"Rotate": func(s adversity, r *rotation.Rotator) (rotation.Result, error) {
			return r.Rotate(s.Context(), tenant)
		},
		"Rollback": func(s adversity, r *rotation.Rotator) (rotation.Result, error) {
			first := s.current()
			s.rotate()
			return r.Rollback(s.Context(), tenant, first)
		},
	} {
		t.Run(what, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				r := s.newRotator(s.backend, func(o *rotation.Options) { o.Grace = week })
				result, err := call(s, r)
				if err != nil {
					s.Fatal(err)
				}
				want := time.Now().Add(time.Hour + 5*time.Minute + week)
				if end := result.Keys[1].NotAfter; !end.Equal(want) {
					s.Errorf("the key that was replaced ends at %v, want %v", end, want.UTC())
				}
			})
		})
	}
}
