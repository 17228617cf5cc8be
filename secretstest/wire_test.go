package secretstest_test

import (
	"encoding/json"
	"io"
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

func TestRawRequests(t *testing.T) {
	const noToken = `{"__type":"InvalidRequestException","Message":"You must provide a ClientRequestToken value. We recommend a UUID-type value."}`
	for _, c := range []struct{ name, source, target, body, want string }{
		{"no token: CreateSecret", recorded + "test_no_client_request_token", "secretsmanager.CreateSecret", `{"Name":"s","SecretString":"v","Description":"d"}`, noToken},
		{"no token: PutSecretValue", recorded + "test_no_client_request_token", "secretsmanager.PutSecretValue", `{"SecretId":"s","SecretString":"v","Description":"d"}`, noToken},
		{"unknown operation", reported + "aws-sdk-net#1536", "secretsmanager.Frobnicate", `{}`, `{"__type":"UnknownOperationException"}`},
		{"other service", reported + "aws-sdk-net#1536", "ssm.GetParameter", `{}`, `{"__type":"UnknownOperationException"}`},
		{"not JSON", ours, "secretsmanager.GetSecretValue", `{"SecretId":`, `{"__type":"SerializationException"}`},
		{"not an object", ours, "secretsmanager.GetSecretValue", `[]`, `{"__type":"SerializationException"}`},
		{"wrong type", ours, "secretsmanager.GetSecretValue", `{"SecretId":1}`, `{"__type":"SerializationException"}`},
		{"over 1 MiB", ours, "secretsmanager.GetSecretValue", `{"SecretId":"` + strings.Repeat("a", 1<<20) + `"}`, `{"__type":"RequestEntityTooLargeException"}`},
		{
			"required member missing", reported + "aws-sdk-kotlin#1469", "secretsmanager.GetSecretValue", `{}`,
			`{"__type":"ValidationException","Message":"1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null"}`,
		},
		{
			"a member in another case is unknown", ours, "secretsmanager.GetSecretValue", `{"secretid":"s"}`,
			`{"__type":"ValidationException","Message":"1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null"}`,
		},
		{
			"unknown members are ignored", ours, "secretsmanager.GetSecretValue", `{"SecretId":"nobody","More":{"a":[1]}}`,
			`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`,
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

func TestAnswersOnTheWire(t *testing.T) {
	f := newFixture(t, inProcess)
	made := f.create("s", token())
	f.get("s")
	got := post(t, f.backend, "secretsmanager.DescribeSecret", `{"SecretId":"s"}`)
	var members map[string]any
	must(t, json.Unmarshal([]byte(got.body), &members))
	want := map[string]any{
		"ARN": *made.ARN, "Name": "s", "CreatedDate": 1773500966.535, "LastChangedDate": 1773500966.535,
		"LastAccessedDate": 1773446400.0, "VersionIdsToStages": map[string]any{*made.VersionId: []any{"AWSCURRENT"}},
	}
	if diff := diffJSON(want, members); diff != "" {
		t.Error(diff)
	}
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

func diffJSON(want, got map[string]any) string {
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if string(a) == string(b) {
		return ""
	}
	return "got  " + string(b) + "\nwant " + string(a)
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
