package apply_test

import (
	"encoding/base64"
	"maps"
	"math/rand/v2"

	"orka/watch"
)

// propertyKind is a kind of the property test: a first object of it, and what of it may change.
type propertyKind struct {
	kind  *watch.Kind
	shape shape
	// fixed is what every object of the kind has.
	fixed map[string]any
	// status are values of .status; nil where the kind has none.
	status []any
}

var metadata = fields([]string{"labels"}, map[string]shape{
	"labels":      words("x", "y", "z"),
	"annotations": words("one", "two: three", "4"),
})

// top is the shape of a whole object.
func top(m map[string]shape, must ...string) shape {
	m["metadata"] = metadata
	return fields(append(must, "metadata"), m)
}

func atomicList(values ...any) shape {
	return atom(func(r *rand.Rand) any {
		l := make([]any, 1+r.IntN(3))
		for i := range l {
			l[i] = pick(r, values)
		}
		return l
	})
}

func atomicDict() shape {
	return atom(func(r *rand.Rand) any { return words("x", "y").random(r) })
}

func encoded(s string) any { return base64.StdEncoding.EncodeToString([]byte(s)) }

// propertyKinds are the kinds of the property test; custom is one of the definition widgets. Fields that the server fills
// in are always there, so that the model needs to know nothing of defaults.
func propertyKinds(custom *watch.Kind) []propertyKind {
	container := fields([]string{"name", "image", "imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy"}, map[string]shape{
		"name": one("a", "b", "c", "d"), "image": one("registry.example/i:1", "registry.example/i:2", "registry.example/i:3"),
		"imagePullPolicy": one("Always", "IfNotPresent"), "terminationMessagePath": one("/dev/termination-log"), "terminationMessagePolicy": one("File"),
		"args": atomicList("-v", "-x", "--long=1"),
		"env":  list(fields([]string{"name"}, map[string]shape{"name": one("A", "B", "C", "D"), "value": one("1", "2", "three: four", "yes")}), "name"),
		"ports": list(fields([]string{"containerPort", "protocol"}, map[string]shape{"containerPort": one(int64(80), int64(443), int64(8080)),
			"protocol": one("TCP", "UDP")}), "containerPort", "protocol"),
	})
	pod := fields([]string{"containers"}, map[string]shape{
		"containers":   list(container, "name"),
		"nodeSelector": atomicDict(),
		"tolerations": atom(func(r *rand.Rand) any {
			return []any{map[string]any{"key": pick(r, names), "operator": "Exists"}}
		}),
		"priorityClassName": one("high", "low"),
	})
	template := fields([]string{"metadata", "spec"}, map[string]shape{
		"metadata": fields([]string{"labels"}, map[string]shape{"labels": fields([]string{"app"}, map[string]shape{"app": one("web"), "tier": one("x", "y"), "team": one("x", "y")})}),
		"spec":     pod,
	})
	deployment := fields([]string{"replicas", "template"}, map[string]shape{
		"replicas": one(int64(0), int64(1), int64(2), int64(3)), "paused": one(true), "minReadySeconds": one(int64(5), int64(10)), "template": template,
	})
	port := fields([]string{"name", "port", "protocol", "targetPort"}, map[string]shape{"name": one("p1", "p2", "p3", "p4", "p5", "p6"),
		"port": one(int64(80), int64(443), int64(8080)), "protocol": one("TCP", "UDP"), "targetPort": one(int64(8080), "http", int64(9090))})
	service := fields([]string{"ports", "sessionAffinity"}, map[string]shape{
		"ports": list(port, "port", "protocol"), "selector": atomicDict(), "externalIPs": atomicList("192.0.2.1", "192.0.2.2", "192.0.2.3"), "sessionAffinity": one("None"),
	})
	policy := fields([]string{"podSelector", "policyTypes"}, map[string]shape{
		"podSelector": atom(func(r *rand.Rand) any { return map[string]any{"matchLabels": words("x", "y").random(r)} }),
		"policyTypes": one([]any{"Ingress"}),
		"ingress": atom(func(r *rand.Rand) any {
			return []any{map[string]any{"from": []any{map[string]any{"podSelector": map[string]any{"matchLabels": words("x", "y").random(r)}}}}}
		}),
	})
	widget := fields([]string{"mode"}, map[string]shape{
		"size": one(int64(1), int64(9007199254740993), int64(-4)), "ratio": one(0.1, 2.5, 1e21), "port": one(int64(80), "http", "50%"), "mode": one("auto", "manual"),
		"free":  fields([]string{"b"}, map[string]shape{"a": one("1", int64(2), true), "b": one("x"), "deep": fields([]string{"c"}, map[string]shape{"c": one(int64(1), "d"), "e": atomicList("x", int64(1), false)})}),
		"parts": list(fields([]string{"name"}, map[string]shape{"name": one("a", "b", "c", "d"), "count": one(int64(0), int64(1), int64(2))}), "name"),
		"tags":  choice("x", "y", "z", "w"), "steps": atomicList("first", "second", "third"),
	})
	fixedDeployment := map[string]any{"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}}}
	return []propertyKind{
		{configMaps, top(map[string]shape{"data": words("1", "two\nlines\n", "yes", "0x10", "")}, "data"), nil, nil},
		{deployments, top(map[string]shape{"spec": deployment}, "spec"), fixedDeployment,
			[]any{map[string]any{"replicas": int64(1)}, map[string]any{"readyReplicas": int64(1), "replicas": int64(2)}}},
		{services, top(map[string]shape{"spec": service}, "spec"), map[string]any{"spec": map[string]any{"clusterIP": "None", "type": "ClusterIP"}}, nil},
		{secrets, top(map[string]shape{"data": words(encoded("alpha"), encoded("beta"), encoded(""))}, "data"), map[string]any{"type": "Opaque"}, nil},
		{policies, top(map[string]shape{"spec": policy}, "spec"), nil, nil},
		{custom, top(map[string]shape{"spec": widget}, "spec"), nil, []any{map[string]any{"phase": "Ready"}, map[string]any{"phase": "Gone"}}},
	}
}

// first makes the object as it is created.
func (k propertyKind) first(r *rand.Rand, namespace, name string) map[string]any {
	o := k.shape.random(r).(map[string]any)
	o["apiVersion"], o["kind"] = k.kind.GroupVersion(), k.kind.GVK.Kind
	for f, v := range k.fixed {
		if m, ok := v.(map[string]any); ok {
			maps.Copy(o[f].(map[string]any), m)
		} else {
			o[f] = v
		}
	}
	meta := o["metadata"].(map[string]any)
	meta["name"], meta["namespace"] = name, namespace
	return o
}

func (k propertyKind) String() string { return k.kind.ResourceName() }
