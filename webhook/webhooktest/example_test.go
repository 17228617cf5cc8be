package webhooktest_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// A rotation, an outage and a late webhook in a test of your handler.
func Example() {
	var t testing.TB = &testing.B{} // that of your test

	keys, clock := webhooktest.NewKeys("t_abc123"), webhooktest.NewClock()
	v, err := webhook.New(keys, clock.Option)
	if err != nil {
		log.Fatal(err)
	}
	r := webhooktest.NewRequest(t, keys.Of("t_abc123"), "/webhooks/t_abc123", `{"event":"paid"}`, clock.Sign,
		func(r *webhooktest.Request) { r.ID = "msg_1" })
	verify := func() (webhook.Match, error) {
		return v.Verify(context.Background(), "t_abc123", r.Header, []byte(`{"event":"paid"}`))
	}

	keys.Rotate("t_abc123")
	m, err := verify()
	fmt.Println(m.ID, "newest:", m.Newest, err)

	keys.Fail(tenantsecrets.ErrUnavailable)
	_, err = verify()
	fmt.Println("in an outage:", webhook.Status(err))
	keys.Fail(nil)

	clock.Advance(time.Hour)
	_, err = verify()
	fmt.Println("at", clock.Now().Format(time.TimeOnly)+":", webhook.Status(err))
	// Output:
	// msg_1 newest: false <nil>
	// in an outage: 503
	// at 04:04:05: 401
}
