"""bcrypt hashes of cost 12 for the demo, computed once: each takes a fifth of a second, and what they hide is no secret."""

import hashlib

PASSWORD = "correct horse battery staple"  # noqa: S105  # of the demo, and in its docs
PASSWORD_HASH = "$2b$12$PNoii9G0RfyMg2l.WqxaEO7Jyxb5K9DL.lMXGs6/qxiOLD.r.t8aK"  # noqa: S105


def refresh_token(number: int) -> str:
    """Return the secret part of the refresh token of the demo's login `number`. Anyone can compute it: for demo data only."""
    return hashlib.sha256(f"chatschema demo refresh token {number}".encode()).hexdigest()[:43]


# That of refresh_token(0) first.
REFRESH_TOKEN_HASHES = (
    "$2b$12$l.CuM6PUAT8pgaaIL0bdwuPX.GCLkBQ8CSuOsA9Wz53fE3ii/9EgO",
    "$2b$12$bpPpdlTZFyGVVZaxSFrtseh1g7evLQOOa1C2wvXDyJCkGsCaYsr6q",
    "$2b$12$pv2LGjJTNb13EYW8aoo7MuTFhZIrcMug2RuJ9kJzWHHR6MqYuo/UC",
    "$2b$12$hsWGBtS77b7KoDSErXOWveFz/EvR8G4M/UR8AB8904.wX60C5/6VK",
    "$2b$12$qO9zK6XGaLxtV8s4kbz2r.xLmr0HBb8Cd7KL0ibi7zOYLLLK5z0ra",
    "$2b$12$plxVkk.vJ4bTXiVWialHC.KiVpALQhYzAfCEAEFDOq1ONFrlc9/Ze",
    "$2b$12$d9Iw1yAtW3r6gfXQa3mFD.g.2pDlaH9so5mun7LnY5CmVl9QHfdqS",
    "$2b$12$J5c/MivbjLVvzbuyeDctAubJ6ebuHOUMC6exZDC8Jfkk6uyLYOLw2",
    "$2b$12$QV9AureBHTnvn/RmY5HmvO6CXLXqowJt4kHOhgqx/JG6E4VT1jBuG",
    "$2b$12$Pz8SAxj.6mTHOEYS/UrH8uKVumKa7PPjzj1kkXwn0/xtjbKN.gvse",
    "$2b$12$gb2fmSgbfb/NrPMF0X1gde5KsCOCzL7YsQP0xsQRmp3Aihk/2JSya",
    "$2b$12$crRhRyFikqOKHJMmJcOes.Wd/dShz6TlIEYf6rlSGy8LxZnH2jeO2",
    "$2b$12$8lwXsz.v/gtifvp3.1FK9ey8D5Xirz9cPABFc9Hw9FWYl5L7h/5RK",
    "$2b$12$Y/xpkgFCmCU.gQHwrz66NOUsC2KwlgACE539SfVGBriJomlbM5RBm",
    "$2b$12$YrOaqWEwRlV.hLajKRktpOgczEuT/HSpGNXPIh/1jtIycNh.NStDu",
    "$2b$12$nxeEOpBAwifBpI4.eNV35eMDii2eX0Rxdg5nXL167qhaG7cF5.sl.",
    "$2b$12$mxeVy1g9IiQTwKEK2t3SkOaugx8eMrICvX/H5qmIgXhKDwb61CQtW",
    "$2b$12$pYyoFY.f7ZJsV5Huszqs4edBZ7EPGNGUfdvikYcDjAkuqDcjL0Ika",
    "$2b$12$kuS8EKUyiTge2zEh8b.lR.Yt9zWD4lfHEr.eP1c1f8vYbwhpXZOvS",
    "$2b$12$iON9cx634nKJBV4IkmOVtOsDxK9PVhxiV4VAur87D0PnOOvzqeCwS",
    "$2b$12$IPqwpDNpQv.uArLH9krAD.8HmlT98auh9pJryH.pWNt1t9UVPvU9e",
    "$2b$12$bB/KBe/NgIG04DDPhzpbAO6dNjipijv4jig7qsD6mzeZI/l/NOpZ6",
    "$2b$12$3O3PXCWO02LKaK2r.hwblOh/TUzkLPNlyE4SmGb7zruLQsm2cyry.",
    "$2b$12$OZBtOeta7aJoL1UKDqhBPeMkG/jEXwSuQMd.odlNQ42g7/9XexA2O",
    "$2b$12$FJ1k6T6h6Xf8oGE4Ojo.xeJNffvYeezufvqIIPSEwLdRi1BxZYneG",
    "$2b$12$9JGFyN5n71rbfhP5o7q56uAeYOTRxSSoLvBz/K8hqJ8C0fYnZw.pW",
    "$2b$12$W.OPq1xmAcSid393lqTWYupBH7j5kODmw/s/ST50uYrP57TKJtv/6",
    "$2b$12$/dzZV8Xg6ocLoKDSTAPIYuzJiD1e2eVvvM4hsYmAPB34F833xlmU2",
    "$2b$12$nh3wpeQPQw9DRriGeJu8heJMqTod2hPhVQwPsReZYtK6PEj6ABgoO",
    "$2b$12$Vcd5l1rX4GsKgu26UrIuSOXqbK0XB1B5GiOLIQdgwyUbnboM1kPRy",
    "$2b$12$HtL.9/J9YSX15BeBBh4SlenDvR.ZFbLrjXEFneTW647qIlEHpN68u",
    "$2b$12$g0TkyILqVarGh.wWitMHM.nCqLK3vwcoUI4zt.IBnA5NyI/TjFDaG",
    "$2b$12$SCjcDe000SqWsAzcFez4peaz6KsxH42qdn97ZlGvzR2y8vXDWmV0K",
    "$2b$12$IAieh./s524wMex4uoGuqOxcXOm6o5EuFup/vDQaLsZCTIwCmp.K.",
    "$2b$12$GqCVAgvIcDG7VHWj1Sg/jOSqF9qBjpStthIqxKdaUe3cag7faOxa2",
    "$2b$12$agqm7rnO9YHqjqIsyzaTXeJdN9cOrbsXbHK85yZoIgV93Whd.Vzkq",
    "$2b$12$AYHQA6XW2mGQeWA69Zolwu052PMTUarD9D0UX6Rt8kmRUlHGNPvB.",
    "$2b$12$INTmmrUxmsL1VvQDwG6zdepyJh8ixZTqcFbJrUh58Faq7N/b6ZCN6",
    "$2b$12$QDeu/KwkFsnHyY9LAxnqw.y7y6WG2ZsiPWzXnvplS21Pd3ADWDyTq",
    "$2b$12$CADB1sBlhGCdI24Fd2toReEHZkqMUt6I6ypWOCcqYulE6vwur4vq2",
)
