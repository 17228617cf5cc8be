package secretstest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// PutSecretValue adds a version. Without VersionStages it becomes AWSCURRENT.
// The same token with the same value repeats the first answer and changes
// nothing.
func (b *Backend) PutSecretValue(
	ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.PutSecretValueOutput, error) {
	return putSecretValue.invoke(ctx, b, in)
}

var rotationTokenPattern = regexp.MustCompile(`^[a-zA-Z0-9-]+$`) // from the service model

func (c *checks) rotationToken(v string) {
	c.secret("RotationToken", utf8.RuneCountInString(v), 36, 256)
	if !rotationTokenPattern.MatchString(v) {
		c.violate("Value", "RotationToken", `Member must satisfy regular expression pattern: ^[a-zA-Z0-9\-]+$`)
	}
}

var putSecretValue = operation[secretsmanager.PutSecretValueInput, secretsmanager.PutSecretValueOutput]{
	name: "PutSecretValue",
	check: func(c *checks, in *secretsmanager.PutSecretValueInput) {
		c.secretID(in.SecretId)
		c.text("ClientRequestToken", in.ClientRequestToken, 32, 64)
		c.value(in.SecretString, in.SecretBinary)
		c.list("VersionStages", in.VersionStages, 20, 256)
		if in.RotationToken != nil {
			c.rotationToken(*in.RotationToken)
		}
	},
	subject: func(in *secretsmanager.PutSecretValueInput) Call {
		return Call{
			SecretID:     aws.ToString(in.SecretId),
			VersionID:    aws.ToString(in.ClientRequestToken),
			VersionStage: strings.Join(in.VersionStages, ","),
		}
	},
	token:    func(in *secretsmanager.PutSecretValueInput) **string { return &in.ClientRequestToken },
	metadata: func(out *secretsmanager.PutSecretValueOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).putSecretValue,
}

func (r *request) putSecretValue(in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	if err := oneValue(in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	val := newValue(in.SecretString, in.SecretBinary)
	if val.empty() {
		return nil, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	token := *in.ClientRequestToken
	if used, err := s.tokenUsed(token, val); err != nil {
		return nil, err
	} else if used {
		return putAgain(s, token), nil
	}
	if err := r.encrypt(s.kmsKeyID); err != nil {
		return nil, err
	}
	s = s.edit(r.date())
	s.add(r.newVersion(s, token, val), in.VersionStages)
	if s.find(token).has(stageCurrent) {
		s.restart(r.date())
	}
	if err := s.labelsWithinLimit(); err != nil {
		return nil, err
	}
	s.prune(r.now)
	v := s.find(token) // made here, so not shared yet
	v.put = v.stages
	r.publish(s)
	return putAgain(s, token), nil
}

// putAgain repeats the answer to the call that wrote a version, wherever the
// labels have gone since. One written by another operation has only the labels
// of now.
func putAgain(s *secret, versionID string) *secretsmanager.PutSecretValueOutput {
	v := s.find(versionID)
	stages := v.put
	if stages == nil {
		stages = v.stages
	}
	return &secretsmanager.PutSecretValueOutput{
		ARN: aws.String(s.arn), Name: aws.String(s.name), VersionId: &versionID, VersionStages: slices.Clone(stages),
	}
}

// add puts a version with its labels into an edited secret. The first version of
// a secret is current whatever its labels.
func (s *secret) add(v *version, stages []string) {
	if stages == nil || len(s.versions) == 0 {
		stages = append(slices.Clone(stages), stageCurrent)
	}
	s.place(v)
	for _, stage := range stages {
		if stage != stageCurrent {
			s.attach(stage, v.id)
		}
	}
	if slices.Contains(stages, stageCurrent) {
		s.supersede(v.id)
	}
}

// place adds a version, or fills the one a rotation has announced, which keeps
// its labels.
func (s *secret) place(v *version) {
	i := s.index(v.id)
	if i < 0 {
		s.versions = append(s.versions, v)
		return
	}
	v.stages, v.serial, v.announced = s.versions[i].stages, s.versions[i].serial, s.versions[i].announced
	s.versions[i] = v
}

// supersede promotes a new version. Unlike a promotion by
// UpdateSecretVersionStage it takes AWSPENDING off the version that it replaces,
// as recorded. What it does to AWSPENDING on a third version is not: here it
// stays, so that a test sees a rotation that is stuck.
func (s *secret) supersede(id string) {
	was := s.holder(stageCurrent)
	s.promote(id)
	if was != nil && was.id != id && was.has(stagePending) {
		s.detach(stagePending)
	}
}

// labelsWithinLimit refuses more labels than a secret may have. The quota is
// documented, the answer to exceeding it is not recorded.
func (s *secret) labelsWithinLimit() error {
	if s.labels() > maxLabels {
		return limitExceeded(fmt.Sprintf("A secret can have at most %d staging labels.", maxLabels))
	}
	return nil
}
