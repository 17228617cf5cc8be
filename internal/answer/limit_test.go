package answer_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
)

// serving returns a real client of a server that answers every request with text.
func serving(t *testing.T, text func(io.Writer)) *secretsmanager.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		text(w)
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
		HTTPClient:  &http.Client{Transport: transport},
	})
}

// valueOf writes an answer to GetSecretValue that has a value of n bytes.
func valueOf(n int) func(io.Writer) {
	return func(w io.Writer) {
		_, _ = fmt.Fprintf(w, `{"Name":"a","SecretString":%q}`, strings.Repeat("x", n))
	}
}

func TestLimitLetsTheLargestAnswersThrough(t *testing.T) {
	largest := []byte(fmt.Sprintf(`{"SecretString":"%s"}`, strings.Repeat(`\u0001`, 65_536)))
	for name, test := range map[string]struct {
		answer []byte
		limit  int64
		want   int
	}{
		"the largest value, escaped": {largest, answer.OneSecret, 65_536},
		"exactly the limit":          {[]byte(`{"SecretString":"x"}`), 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			api := serving(t, func(w io.Writer) { _, _ = w.Write(test.answer) })
			out, err := api.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")}, answer.Limit(test.limit))
			if err != nil || len(aws.ToString(out.SecretString)) != test.want {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestLimitRefusesMore(t *testing.T) {
	for name, test := range map[string]struct {
		text  func(io.Writer)
		limit int64
	}{
		"one byte more": {func(w io.Writer) { _, _ = io.WriteString(w, `{"SecretString":"x"}`) }, 19},
		"much more":     {valueOf(answer.OneSecret), answer.OneSecret},
		"an error's": {func(w io.Writer) {
			w.(http.ResponseWriter).WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(bytes.Repeat([]byte(" "), 2*answer.OneSecret))
		}, answer.OneSecret},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serving(t, test.text).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")}, answer.Limit(test.limit))
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
	block := bytes.Repeat([]byte("x"), 1<<20)
	api := serving(t, func(w io.Writer) {
		_, _ = io.WriteString(w, `{"SecretString":"`)
		for range 300 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := api.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")}, answer.Limit(answer.OneSecret))
	runtime.ReadMemStats(&after)
	if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || allocated > 20 {
		t.Errorf("%d MiB were allocated: %v", allocated, err)
	}
}
