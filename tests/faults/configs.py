"""Config files that are broken, hostile or ask for too much."""

from __future__ import annotations

import yaml

from .scene import EXPERIMENT, QUICK, Outcome, Scene, fault

GROUP = "Configs"
WHOLE = yaml.safe_dump(EXPERIMENT)


@fault(GROUP, "cut short in the middle of a value")
def truncated(scene: Scene) -> Outcome:
    text = WHOLE.replace("seed: 1", 'seed: "1')
    return scene.lungio("run", scene.file("mine.yaml", text[: text.index('"1') + 2]))


@fault(GROUP, "a key written twice")
def repeated(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.file("mine.yaml", WHOLE + "seed: 2\n"))


@fault(GROUP, "a YAML bomb: aliases of aliases, 10^9 words in 400 bytes")
def bomb(scene: Scene) -> Outcome:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]")
    return scene.lungio("run", scene.file("mine.yaml", "\n".join(lines) + "\n"))


@fault(GROUP, "a YAML merge of an alias with itself")
def circle(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.file("mine.yaml", "name: &n\n  name: *n\nseed: 1\n"))


@fault(GROUP, "a YAML tag that would run a program")
def tag(scene: Scene) -> Outcome:
    text = WHOLE.replace("seed: 1", "seed: !!python/object/apply:os.system ['touch executed']")
    return scene.lungio("run", scene.file("mine.yaml", text))


@fault(GROUP, "a hundred thousand brackets, one in another")
def nested(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.file("mine.yaml", "name: " + "[" * 100_000))


@fault(GROUP, "bytes that are no text")
def binary(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.file("mine.yaml", b"name: \xff\xfe\x00\x01"))


@fault(GROUP, "nothing in it")
def empty(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.file("mine.yaml", ""))


@fault(GROUP, "a run's name that leads out of its folder")
def name_leads_out(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(name="../../outside"))


@fault(GROUP, "a cohort's name that leads to a file of the system")
def cohort_leads_out(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(train={"cohort": "../../../../etc/passwd", "patients": 50}))


@fault(GROUP, "a model's name that leads out of the run's folder")
def model_leads_out(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(analysis=QUICK | {"models": {"../../outside": {}}}))


@fault(GROUP, "an MLflow experiment's name that leads out of the store's files")
def tracking_leads_out(scene: Scene) -> Outcome:
    scene.finished_run()
    scene.filed()
    return scene.lungio("push", "run", "--experiment", "..")


@fault(GROUP, "a million million patients")
def too_many(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(train={"cohort": "keynote_189", "patients": 10**12}))


@fault(GROUP, "a million million patients, written as they are drawn")
def too_many_on_disk(scene: Scene) -> Outcome:
    return scene.lungio("simulate", "keynote_189", "--n", 10**12, "--chunk", 10**5, "--out", "cohort")


@fault(GROUP, "a million million bootstrap replicates")
def too_many_replicates(scene: Scene) -> Outcome:
    return scene.lungio("run", scene.experiment(analysis=QUICK | {"bootstrap": {"replicates": 10**12}}))


@fault(GROUP, "a thousand million trees")
def too_many_trees(scene: Scene) -> Outcome:
    return scene.lungio(
        "run", scene.experiment(analysis=QUICK | {"models": {"rsf": {"n_estimators": 10**9}}})
    )


@fault(GROUP, "a map of a real file that is a YAML bomb")
def bomb_in_a_map(scene: Scene) -> Outcome:
    lines = ["kind: file", "a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]")
    scene.file("patients.csv", "ID,OS\n1,2\n")
    map_file = scene.file("map.yaml", "\n".join(lines) + "\n")
    return scene.lungio("cohort", "check", "patients.csv", "--map", map_file)
