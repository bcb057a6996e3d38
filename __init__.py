"""津标 Jinbiao: from raw pictures to a published, provable dataset.

ui        pages, scripts, words          server renders them
server    speaks HTTP                    may import workers, exporters, datasets
workers   do the slow work               may import exporters, datasets
exporters write formats, publish         may import datasets
datasets  is the domain                  imports none of the others
"""

VERSION = "0.1.0"
