package rotation_test

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// rule is a rule of rotations that is taken away: not in the code, which has no switch
// for it, but in what the code is told and in what it writes.
type rule struct {
	describe func(*secretsmanager.DescribeSecretOutput)
	write    func(*secretsmanager.PutSecretValueInput)
}

func (r rule) described(out *secretsmanager.DescribeSecretOutput) {
	if r.describe != nil {
		r.describe(out)
	}
}

func (r rule) put(in *secretsmanager.PutSecretValueInput) {
	if r.write != nil {
		r.write(in)
	}
}

// The ring: a writer that never hears of AWSPREVIOUS starts from the current document
// alone.
var ringOfBoth = rule{describe: func(out *secretsmanager.DescribeSecretOutput) {
	for id, labels := range out.VersionIdsToStages {
		if len(labels) == 1 && labels[0] == "AWSPREVIOUS" {
			delete(out.VersionIdsToStages, id)
		}
	}
}}

// The wait for LastChangedDate: where every description is of the far future, none is
// too old to believe.
var waitForDate = rule{describe: func(out *secretsmanager.DescribeSecretOutput) {
	out.LastChangedDate = aws.Time(time.Unix(0, 0).AddDate(100, 0, 0))
}}

// sign_after: every key signs at once.
var signAfter = editing(func(doc map[string]any) {
	delete(doc, "sign_after")
	signAfterOfPrevious(doc)
})

// The sign_after of each key: only the newest has one.
var signAfterOfEach = editing(signAfterOfPrevious)

func signAfterOfPrevious(doc map[string]any) {
	for _, key := range doc["previous"].([]any) {
		delete(key.(map[string]any), "sign_after")
	}
}

// The look at the server's clock: it does not say what time it is.
var serverClock = rule{describe: func(out *secretsmanager.DescribeSecretOutput) {
	out.ResultMetadata = middleware.Metadata{}
}}

// The list of revoked keys: it is not written.
var revokedList = editing(func(doc map[string]any) { delete(doc, "revoked") })

// The token that is a hash of the base: every writer has its own.
var commonToken = rule{write: func(in *secretsmanager.PutSecretValueInput) {
	in.ClientRequestToken = aws.String(document.RandomVersionID())
}}

// editing takes something out of every document that is written.
func editing(edit func(doc map[string]any)) rule {
	return rule{write: func(in *secretsmanager.PutSecretValueInput) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(*in.SecretString), &doc); err != nil {
			panic(err)
		}
		edit(doc)
		text, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		in.SecretString = aws.String(string(text))
	}}
}
