package secretstest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// answer is a raw HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends a request as no SDK would.
func post(t *testing.T, b *secretstest.Backend, target, body string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	got, err := io.ReadAll(w.Result().Body)
	must(t, err)
	return answer{w.Code, w.Header(), string(got)}
}

const notJSON = `{"__type":"SerializationException","Message":"The request body is not a JSON object with the members of GetSecretValue. Check the names and types of the members."}`

// unknownOperation is the answer to a target that names no operation.
func unknownOperation(target string) string {
	return `{"__type":"UnknownOperationException","Message":"secretstest has no operation \"` + target +
		`\". Send X-Amz-Target: secretsmanager. and the name of an operation of Secrets Manager."}`
}

// TestRefusedRequests shows requests that reach no operation, in the log too.
func TestRefusedRequests(t *testing.T) {
	for _, c := range []struct{ name, target, body, want string }{
		{"other service", "ssm.GetParameter", `{}`, unknownOperation("ssm.GetParameter")},
		{"no target", "", `{}`, unknownOperation("")},
		{"other operation", "secretsmanager.Frobnicate", `{}`, unknownOperation("secretsmanager.Frobnicate")},
		{"long target", strings.Repeat("a", 5000), `{}`, unknownOperation(strings.Repeat("a", 100))},
		{"not JSON", "secretsmanager.GetSecretValue", `{"SecretId":`, notJSON},
		{
			"over 1 MiB", "secretsmanager.GetSecretValue", `{"SecretId":"` + strings.Repeat("a", 1<<20) + `"}`,
			`{"__type":"RequestEntityTooLargeException","Message":"The request body is larger than 1 MiB, which is the most that secretstest reads."}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := secretstest.New()
			got := post(t, b, c.target, c.body)
			if got.status != http.StatusBadRequest || got.body != c.want {
				t.Errorf("%d %s\nwant %s", got.status, got.body, c.want)
			}
			if calls := b.Calls(); len(calls) != 1 || calls[0].Code == "" || !calls[0].HTTP {
				t.Errorf("logged %+v", calls)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	f := newFixture(t, inProcess)
	got := post(t, f.backend, "secretsmanager.DescribeSecret", `{"SecretId":"s"}`)
	if date := got.header.Get("Date"); date != f.clock.Now().Format(http.TimeFormat) {
		t.Errorf("Date %s", date)
	}
	if id := got.header.Get("x-amzn-RequestId"); len(id) != 36 {
		t.Errorf("request id %q", id)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/x-amz-json-1.1" {
		t.Errorf("Content-Type %s", kind)
	}
}

// TestLargeBody shows a body of almost 1 MiB, and a value at its limit whose
// every character is an escape.
func TestLargeBody(t *testing.T) {
	b := secretstest.New()
	got := post(t, b, "secretsmanager.GetSecretValue", `{"SecretId":"s","More":"`+strings.Repeat("a", 1<<20-64)+`"}`)
	if !strings.Contains(got.body, "ResourceNotFoundException") {
		t.Errorf("%d %.100s", got.status, got.body)
	}
	body := `{"Name":"s","ClientRequestToken":"` + token() + `","SecretString":"` + strings.Repeat(`\u0041`, 65536) + `"}`
	if got := post(t, b, "secretsmanager.CreateSecret", body); got.status != http.StatusOK {
		t.Errorf("%d %.100s", got.status, got.body)
	}
	out, err := b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	must(t, err)
	if *out.SecretString != strings.Repeat("A", 65536) {
		t.Error("not the value")
	}
}

// TestSlowClient has a client send half a request, and others be served
// meanwhile.
func TestSlowClient(t *testing.T) {
	b := secretstest.New()
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	must(t, err)
	defer func() { _ = conn.Close() }()
	body := `{"Name":"slow","ClientRequestToken":"` + token() + `"}`
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: local\r\nX-Amz-Target: secretsmanager.CreateSecret\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
	must(t, err)

	client := sdkClient(t, server.URL, "us-east-1")
	for range 3 {
		_, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("slow")})
		notFound(t, err)
	}
	_, err = io.WriteString(conn, body[10:])
	must(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// TestRegions shows that a Region is the one a request is signed for.
func TestRegions(t *testing.T) {
	b := secretstest.New()
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	there := sdkClient(t, server.URL, "eu-central-1")
	out, err := there.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
	must(t, err)
	if !strings.HasPrefix(*out.ARN, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s-") {
		t.Error(*out.ARN)
	}
	_, err = b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	notFound(t, err)
}

// TestPartitions shows the ARNs of Regions beside the commercial ones.
func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "arn:aws:", "cn-north-1": "arn:aws-cn:", "us-gov-west-1": "arn:aws-us-gov:",
	} {
		b := secretstest.New(func(o *secretstest.Options) { o.Region = region })
		out, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(token())})
		must(t, err)
		if !strings.HasPrefix(*out.ARN, want+"secretsmanager:"+region+":") {
			t.Error(*out.ARN)
		}
		_, err = b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: out.ARN})
		must(t, err)
	}
}

// TestHalfARequest has a client go away in the middle of a body: that is no
// oversized body, and gets no answer.
func TestHalfARequest(t *testing.T) {
	b := secretstest.New()
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	must(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: local\r\nX-Amz-Target: secretsmanager.CreateSecret\r\nContent-Length: 100\r\n\r\n{\"Name\"")
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	if answer, _ := io.ReadAll(conn); len(answer) != 0 {
		t.Errorf("answered %s", answer)
	}
	server.Close() // waits for the handler
	if calls := b.Calls(); len(calls) != 1 || calls[0].Code != secretstest.CodeConnectionReset {
		t.Errorf("logged %+v", calls)
	}
}

// TestServerError shows 5xx on the wire, with a fault that ends.
func TestServerError(t *testing.T) {
	b := secretstest.New()
	b.Inject(secretstest.Fault{Err: secretstest.InternalError(), Times: 1})
	if got := post(t, b, "secretsmanager.DescribeSecret", `{"SecretId":"s"}`); got.status != http.StatusInternalServerError {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := post(t, b, "secretsmanager.DescribeSecret", `{"SecretId":"s"}`); got.status != http.StatusBadRequest {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestRetries shows the real client's retries against a fault.
func TestRetries(t *testing.T) {
	b := secretstest.New()
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	options := sdkClient(t, server.URL, "us-east-1").Options()
	options.Retryer = aws.RetryerV2(fastRetryer{})
	b.Inject(secretstest.Fault{Operation: "GetSecretValue", Times: 2, Err: secretstest.Throttling()})
	_, err := secretsmanager.New(options).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("nobody")})
	notFound(t, err)
	if n := len(b.Calls()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// fastRetryer retries throttling without waiting.
type fastRetryer struct{ aws.NopRetryer }

func (fastRetryer) IsErrorRetryable(err error) bool { return codeOf(err) == "ThrottlingException" }
func (fastRetryer) MaxAttempts() int                { return 3 }
func (fastRetryer) RetryDelay(int, error) (time.Duration, error) {
	return time.Nanosecond, nil
}
