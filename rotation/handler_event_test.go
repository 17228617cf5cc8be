package rotation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// eventJSON is an event as Secrets Manager sends it.
const eventJSON = `{"Step":"createSecret",` +
	`"SecretId":"arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/formbridge/t_abc123/hmac_key-AbCdEf",` +
	`"ClientRequestToken":"11111111-2222-4333-8444-555555555555",` +
	`"RotationToken":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}`

var eventOfJSON = rotation.Event{
	Step:               "createSecret",
	SecretID:           "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/formbridge/t_abc123/hmac_key-AbCdEf",
	ClientRequestToken: "11111111-2222-4333-8444-555555555555",
	RotationToken:      "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
}

// TestEventAsALambdaFunctionReadsIt decodes with encoding/json, as aws-lambda-go does.
func TestEventAsALambdaFunctionReadsIt(t *testing.T) {
	var e rotation.Event
	if err := json.Unmarshal([]byte(eventJSON), &e); err != nil || e != eventOfJSON {
		t.Errorf("got %v, error %v", e, err)
	}
}

func TestRotationTokenIsNotPrinted(t *testing.T) {
	e := eventOfJSON
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		for _, v := range []any{e, &e, []rotation.Event{e}, map[string]rotation.Event{"e": e}, struct{ E rotation.Event }{e}} {
			printed = append(printed, fmt.Sprintf(verb, v, v))
		}
	}
	printed = append(printed, fmt.Sprint(e), fmt.Sprintln(&e))
	for _, v := range []any{e, &e, struct{ E rotation.Event }{e}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, string(text))
	}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("event", "value", e, "pointer", &e, slog.Group("group", "value", e))
	}
	printed = append(printed, log.String())
	for _, text := range printed {
		if strings.Contains(text, e.RotationToken) || strings.Contains(text, fmt.Sprintf("%x", e.RotationToken)) {
			t.Errorf("printed %s", strings.ReplaceAll(text, e.RotationToken, "TOKEN"))
		}
	}
	if text := fmt.Sprint(e); !strings.Contains(text, "createSecret") || !strings.Contains(text, e.SecretID) || !strings.Contains(text, e.ClientRequestToken) {
		t.Errorf("an event prints as %s", text)
	}
	if text := log.String(); strings.Count(text, e.ClientRequestToken) != 6 {
		t.Errorf("events are logged as %s", text)
	}
}

// noted keeps what was put.
type noted struct {
	*secretstest.Backend
	puts []*secretsmanager.PutSecretValueInput
}

func (n *noted) PutSecretValue(
	ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.PutSecretValueOutput, error) {
	n.puts = append(n.puts, in)
	return n.Backend.PutSecretValue(ctx, in)
}

// TestRotationTokenGoesWithThePut proves to Secrets Manager whose write it is; where the
// event has none, as of older ones, none is sent.
func TestRotationTokenGoesWithThePut(t *testing.T) {
	for _, without := range []bool{false, true} {
		inSteps(t, func(d *stepwise) {
			api := &noted{Backend: d.backend}
			d.rewire(api)
			if without {
				d.event.RotationToken = ""
			}
			d.mustTake(fourSteps...)
			if len(api.puts) != 1 {
				d.Fatalf("%d puts", len(api.puts))
			}
			in := api.puts[0]
			if got := aws.ToString(in.RotationToken); got != d.event.RotationToken || without != (in.RotationToken == nil) {
				d.Error("another rotation token was put")
			}
			if *in.ClientRequestToken != d.event.ClientRequestToken || len(in.VersionStages) != 1 || in.VersionStages[0] != stagePending {
				d.Errorf("put as %s with the labels %v", *in.ClientRequestToken, in.VersionStages)
			}
		})
	}
}

// TestErrorsOfStepsNameWhatIsWrong in the event, escaped, and nothing that came with it.
func TestErrorsOfStepsNameWhatIsWrong(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		e := d.event
		e.Step = "burn\nSecret"
		err := d.handle(d.Context(), e)
		if !errors.Is(err, rotation.ErrStep) || !strings.Contains(err.Error(), `"burn\nSecret"`) {
			d.Errorf("error %v", err)
		}
		if strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), e.RotationToken) {
			d.Errorf("error %q", err)
		}
	})
}
