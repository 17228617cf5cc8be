package rotation_test

import (
	"context"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
)

// What another program writes after a rotation of AWS's has begun is what createSecret
// prepares the next version after. A step whose first description is of before that
// write sees a pending version that follows another than the current one, as one does
// that was overtaken: it must not abandon it.
func TestAStaleDescriptionDoesNotLookLikeAnOvertakenRotation(t *testing.T) {
	for n, name := range []string{"setSecret", "testSecret", "finishSecret"} {
		t.Run(name, func(t *testing.T) {
			inAdversity(t, func(s adversity) {
				var failed error
				s.drive(s.rotator, func(handle step) step {
					return func(ctx context.Context, e rotation.Event) error {
						time.Sleep(time.Second)
						switch e.Step {
						case "createSecret":
							s.foreign(s.seed(anyKey("F")))
						case name:
							remove := s.backend.Inject(lagOnce("DescribeSecret", time.Duration(n+1)*time.Second+time.Second/2))
							failed = handle(ctx, e)
							remove()
						}
						return handle(ctx, e)
					}
				})
				if s.current() != token {
					s.Errorf("not rotated: %v", failed)
				}
			})
		})
	}
}
