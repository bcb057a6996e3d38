"""The domain: people, projects, tasks, annotations, reviews, versions and the catalogue."""

if __name__ == "datasets":
    raise ImportError(
        "this folder is jinbiao.datasets; it was imported as Hugging Face's `datasets`. "
        "Start Python outside the checkout, or set PYTHONSAFEPATH=1."
    )
