package answer_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
)

// answering is a transport that answers every request with a status and a body.
type answering struct {
	status int
	body   func() io.Reader
}

func (a answering) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Request: r, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(a.body()), ContentLength: -1,
	}, nil
}

// get asks for a value that is answered so.
func get(t *testing.T, a answering, limit int64) (*secretsmanager.GetSecretValueOutput, error) {
	t.Helper()
	api := secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", RetryMaxAttempts: 1, HTTPClient: a,
		Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
	})
	return api.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")}, answer.Limit(limit))
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

func TestLimitLetsTheLargestAnswersThrough(t *testing.T) {
	largest := fmt.Sprintf(`{"SecretString":"%s"}`, strings.Repeat(`\u0001`, 65_536))
	for name, test := range map[string]struct {
		answer string
		limit  int64
		want   int
	}{
		"the largest value, escaped": {largest, answer.OneSecret, 65_536},
		"exactly the limit":          {`{"SecretString":"x"}`, 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := get(t, answering{http.StatusOK, text(test.answer)}, test.limit)
			if err != nil || len(aws.ToString(out.SecretString)) != test.want {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestLimitRefusesMore(t *testing.T) {
	for name, test := range map[string]struct {
		answer answering
		limit  int64
	}{
		"one byte more": {answering{http.StatusOK, text(`{"SecretString":"x"}`)}, 19},
		"much more":     {answering{http.StatusOK, text(fmt.Sprintf(`{"SecretString":%q}`, strings.Repeat("x", answer.OneSecret)))}, answer.OneSecret},
		"an error's":    {answering{http.StatusBadRequest, text(strings.Repeat(" ", 2*answer.OneSecret))}, answer.OneSecret},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, test.answer, test.limit)
			if err == nil {
				t.Fatal("no error")
			}
			if f := sentinels.Explain(err); f.Definite {
				t.Errorf("%v is definitive, though nothing was answered", f)
			}
		})
	}
}

// 300 MB cost what the limit allows, and no more.
func TestLimitBoundsMemory(t *testing.T) {
	endless := answering{http.StatusOK, func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"SecretString":"`), io.LimitReader(xs{}, 300<<20))
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := get(t, endless, answer.OneSecret)
	runtime.ReadMemStats(&after)
	if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || allocated > 20 {
		t.Errorf("%d MiB were allocated: %v", allocated, err)
	}
}

// xs reads as the letter x without end.
type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
