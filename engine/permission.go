package engine

import (
	"context"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"orka/watch"
	"orka/watch/kube"
)

// mayListWatch asks the server by one SelfSubjectRulesReview which of the kinds may be listed in a namespace.
// A kind that may be listed but not watched counts: its watcher polls.
func mayListWatch(ctx context.Context, client *kube.Client, namespace string, kinds []*watch.Kind) (map[*watch.Kind]bool, error) {
	api, err := authorization.NewForConfigAndClient(client.Config(), client.HTTP())
	if err != nil {
		return nil, err
	}
	review, err := api.SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("rules in namespace %s: %w", namespace, err)
	}
	out := map[*watch.Kind]bool{}
	for _, k := range kinds {
		if allows(review.Status.ResourceRules, k, "list") {
			out[k] = true
		}
	}
	return out, nil
}

// allows reports whether a rule without resource names grants verb on all objects of a kind.
func allows(rules []authorizationv1.ResourceRule, k *watch.Kind, verb string) bool {
	has := func(list []string, want string) bool {
		return slices.Contains(list, want) || slices.Contains(list, "*")
	}
	return slices.ContainsFunc(rules, func(r authorizationv1.ResourceRule) bool {
		return len(r.ResourceNames) == 0 && has(r.Verbs, verb) && has(r.APIGroups, k.Group) && has(r.Resources, k.Resource)
	})
}
